import { cheapest, queueCost, redisCost, type Usage, workersCost } from "../counts/money.ts";
import { QUEUE_PLANS, type QueuePlan, REDIS_PLANS, type RedisPlan } from "../counts/plans.ts";

/** The needs of a task, from the bench and the volume test. */
export interface Needs {
  readonly commands: number;
  readonly messages: number;
  /** CPU milliseconds on Workers. */
  readonly cpuMilliseconds: number;
  /** Invocations of the Worker: the accept, and a call of QStash per message. */
  readonly invocations: number;
  /** Seconds that a run takes on top of the handler: until the answer to QStash, with the first callback. */
  readonly overhead: number;
  /** Gigabytes in Redis of an ended task with its delivery. */
  readonly gigabytes: number;
  /** Days that it is kept. */
  readonly days: number;
}

/** A constant load. */
export interface Load {
  /** Tasks per second. */
  readonly rate: number;
  /** Seconds that a handler takes. */
  readonly runTime: number;
}

export interface Scaled extends Load {
  readonly callsInFlight: number;
  readonly commandsPerSecond: number;
  readonly messagesPerDay: number;
  readonly gigabytes: number;
  /** Cores' worth of Workers CPU: Workers add isolates, so it only costs. */
  readonly cores: number;
  /** The share of each limit that the largest plan leaves used; above 1 it does not fit. */
  readonly use: Readonly<Record<Resource, number>>;
  /** The resource that fills up first. */
  readonly first: Resource;
  /** Tasks per second at which it is full, on the largest plans. */
  readonly most: number;
  /** Undefined where no named plan is large enough. */
  readonly price?: { readonly redis: RedisPlan; readonly queue: QueuePlan; readonly dollars: number };
}

export type Resource = "calls in flight" | "commands per second" | "memory" | "messages per day";

const DAY = 86_400;
const MONTH = 30 * DAY;

/** The largest that any plan offers. */
const LARGEST: Readonly<Record<Resource, number>> = {
  "calls in flight": Math.max(...QUEUE_PLANS.map((plan) => plan.callsInFlight)),
  "commands per second": Math.max(...REDIS_PLANS.map((plan) => plan.commandsPerSecond)),
  memory: Math.max(...REDIS_PLANS.map((plan) => plan.gigabytes)),
  "messages per day": Math.max(...QUEUE_PLANS.map((plan) => plan.messagesPerDay)),
};

/** The needs of a constant load, the limit that it meets first, and the cheapest plans that carry it. */
export function scale({ rate, runTime }: Load, needs: Needs): Scaled {
  const callsInFlight = needs.messages === 0 ? 0 : rate * (runTime + needs.overhead);
  const commandsPerSecond = rate * needs.commands;
  const messagesPerDay = rate * needs.messages * DAY;
  const gigabytes = rate * DAY * needs.days * needs.gigabytes;
  const use = {
    "calls in flight": callsInFlight / LARGEST["calls in flight"],
    "commands per second": commandsPerSecond / LARGEST["commands per second"],
    memory: gigabytes / LARGEST.memory,
    "messages per day": messagesPerDay / LARGEST["messages per day"],
  };
  const [[first, used]] = Object.entries(use).toSorted(([, a], [, b]) => b - a) as [[Resource, number]];
  const usage: Usage = {
    commands: commandsPerSecond * MONTH,
    messages: rate * needs.messages * MONTH,
    gigabytes,
  };
  const redisFits = REDIS_PLANS.filter(
    (plan) => plan.gigabytes >= gigabytes && plan.commandsPerSecond >= commandsPerSecond,
  );
  const queueFits = QUEUE_PLANS.filter(
    (plan) => plan.callsInFlight >= callsInFlight && plan.messagesPerDay >= messagesPerDay,
  );
  const fits = redisFits.length > 0 && queueFits.length > 0;
  return {
    ...{ rate, runTime, callsInFlight, commandsPerSecond, messagesPerDay, gigabytes, use, first },
    cores: (rate * needs.cpuMilliseconds) / 1_000,
    most: rate / used,
    ...(fits && { price: priceOf(redisFits, queueFits, usage, rate, needs) }),
  };
}

function priceOf(
  redisFits: readonly RedisPlan[],
  queueFits: readonly QueuePlan[],
  usage: Usage,
  rate: number,
  needs: Needs,
) {
  const redis = cheapest(redisFits, (plan) => redisCost(plan, usage));
  const queue = cheapest(queueFits, (plan) => queueCost(plan, usage));
  const workers = workersCost(rate * MONTH * needs.invocations, rate * MONTH * needs.cpuMilliseconds);
  return { redis, queue, dollars: redisCost(redis, usage) + queueCost(queue, usage) + workers };
}
