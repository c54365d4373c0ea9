import { cheapest, millionTasks, queueCost, redisCost, workersCost } from "../counts/money.ts";
import { QUEUE_PLANS, REDIS_PLANS } from "../counts/plans.ts";
import { markdown } from "../page.ts";
import type { Counts } from "../results.ts";

/** GiB of an ended task and of a delivered callback, as `npm run volume` measures them (docs/operations/sizing.md). */
export const STORED = (3.04 + 2.34) / 1_000 / 1_024;

/** Days for which ended tasks and their deliveries are kept. */
const RETENTIONS = [3, 7, 14] as const;

const [MILLION, MONTH] = [1_000_000, 30];

/** The memory of a million tasks a month, and their cost on the cheapest plans, by how long they are kept. */
export function retentionTable(counts: Counts, cpuMilliseconds: number): string {
  const rows = RETENTIONS.map((days) => {
    const gigabytes = (MILLION / MONTH) * days * STORED;
    const usage = { ...millionTasks(counts, counts.happy), gigabytes };
    const fits = REDIS_PLANS.filter((plan) => plan.gigabytes >= gigabytes);
    const redis = cheapest(fits, (plan) => redisCost(plan, usage));
    const queue = cheapest(QUEUE_PLANS, (plan) => queueCost(plan, usage));
    const prices = [
      redisCost(redis, usage),
      queueCost(queue, usage),
      workersCost(MILLION * (1 + counts.happy.messages), MILLION * cpuMilliseconds),
    ] as const;
    const together = prices.reduce((sum, price) => sum + price, 0);
    return [
      `${days} d`,
      `${gigabytes.toFixed(2)} GB`,
      redis.name,
      queue.name,
      ...[...prices, together].map((price) => `$${price.toFixed(0)}`),
    ];
  });
  return markdown([
    ["kept", "memory", "Redis", "QStash", "Redis's price", "QStash's price", "Workers' price", "a month"],
    ...rows,
  ]);
}
