import { markdown } from "../page.ts";
import type { Count, Counts } from "../results.ts";
import { PAY_AS_YOU_GO, QUEUE_PLANS, type QueuePlan, REDIS_PLANS, type RedisPlan, WORKERS } from "./plans.ts";

/** The use of the services in a month. */
export interface Usage {
  readonly commands: number;
  readonly messages: number;
  /** In Redis, on average. */
  readonly gigabytes: number;
}

/** Dollars a month. */
export function redisCost(plan: RedisPlan, { commands, gigabytes }: Usage): number {
  return plan.fixed + commands * plan.perCommand + Math.max(0, gigabytes - 1) * plan.perGigabyte;
}

/** Dollars a month. */
export function queueCost(plan: QueuePlan, { messages }: Usage): number {
  return plan.fixed + messages * plan.perMessage;
}

/** Dollars a month of Workers Paid. */
export function workersCost(requests: number, cpuMilliseconds: number): number {
  const above = (used: number, { included, each }: { included: number; each: number }) =>
    Math.max(0, used - included) * each;
  return WORKERS.fixed + above(requests, WORKERS.requests) + above(cpuMilliseconds, WORKERS.cpuMilliseconds);
}

/** The cheapest of the plans. */
export function cheapest<Plan>(plans: readonly Plan[], cost: (plan: Plan) => number): Plan {
  const [best] = plans.toSorted((a, b) => cost(a) - cost(b));
  if (best === undefined) throw new Error("no plan is large enough");
  return best;
}

const MILLION = 1_000_000;
const DAYS = 30;

/** The use of a million tasks of this kind a month, with the sweeps, without the data that stays in Redis. */
export function millionTasks({ idleDay }: Counts, { commands, messages }: Count): Usage {
  return {
    commands: commands * MILLION + idleDay.commands * DAYS,
    messages: messages * MILLION + idleDay.messages * DAYS,
    gigabytes: 0,
  };
}

export function moneyTable(counts: Counts): string {
  const dollars = (value: number): string => `$${value.toFixed(0)}`;
  const rows = (kind: string, count: Count): string[][] => {
    const usage = millionTasks(counts, count);
    const queue = cheapest(QUEUE_PLANS, (plan) => queueCost(plan, usage));
    const redisPlans = REDIS_PLANS.filter(({ name, gigabytes }) => name === PAY_AS_YOU_GO || gigabytes <= 10);
    return redisPlans.map((plan) => {
      const prices = [redisCost(plan, usage), queueCost(queue, usage)] as const;
      return [kind, plan.name, queue.name, ...prices.map(dollars), dollars(prices[0] + prices[1])];
    });
  };
  return markdown([
    ["tasks", "Redis", "QStash", "Redis's price", "QStash's price", "together"],
    ...rows("queued", counts.happy),
    ...rows("immediate", counts.immediate),
  ]);
}
