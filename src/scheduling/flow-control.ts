import type { NewDelivery } from "../ports/commands/delivery.ts";
import type { TypeLimits } from "../ports/commands/task.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import type { DeliverMessage, Flow, QueueMessage, RunMessage } from "../ports/queue.ts";
import { hex, utf8 } from "../shared/bytes.ts";
import type { Hashes } from "../shared/hashes.ts";
import type { AnyTask } from "../task.ts";
import type { TaskOptions } from "../tasks/record.ts";

/** The parts that flow control uses. */
export type FlowParts = Pick<Dependencies, "settings" | "tasks" | "hashes">;

/** The queue counts rates over a week at most. */
const LONGEST_PERIOD = 7 * 86_400_000;

/** The task fields that select its flow-control key. */
export interface Runnable {
  readonly project: string;
  readonly id: string;
  readonly type: string;
  readonly run: number;
  readonly options: Pick<TaskOptions, "concurrencyKey">;
}

/** A service that the queue calls itself, and how many of its calls may be in flight. */
export interface LimitedService {
  readonly name: string;
  readonly concurrency?: number;
}

/**
 * The one flow-control key that a task's message carries: its `concurrencyKey`'s, else its type's when that is
 * limited, else its service's when that is, else its project's, so that a flood waits in its own line. QStash puts
 * keys into paths: they are letters, digits, dots, hyphens and underscores alone.
 */
export async function flowOf(deps: FlowParts, task: Runnable, service?: LimitedService): Promise<Flow> {
  const { perKey, perProject } = deps.settings.concurrency;
  const { concurrencyKey } = task.options;
  if (concurrencyKey !== undefined) {
    const digest = hex(await deps.hashes.sha256(utf8(`${task.project} ${concurrencyKey}`)));
    return { key: `key.${digest.slice(0, 40)}`, parallelism: perKey };
  }
  const { concurrency, rate } = deps.tasks.get(task.type) ?? {};
  if (concurrency !== undefined || rate !== undefined) {
    return {
      key: await nameOf(deps.hashes, "type", task.type),
      parallelism: concurrency ?? perProject,
      ...(rate && { rate: rate.limit, period: rate.period ?? 1_000 }),
    };
  }
  if (service?.concurrency !== undefined) {
    return { key: await nameOf(deps.hashes, "service", service.name), parallelism: service.concurrency };
  }
  return { key: `project.${task.project}`, parallelism: perProject };
}

/** The message that asks for an attempt of a task. */
export async function runMessage(
  deps: FlowParts,
  task: Runnable,
  attempt: number,
  delay: number,
): Promise<QueueMessage> {
  const { project, id, run, type } = task;
  const { concurrency, rate } = deps.tasks.get(type) ?? {};
  const isKeyed = task.options.concurrencyKey !== undefined;
  const body: RunMessage = {
    v: 1,
    project,
    task: id,
    run,
    attempt,
    ...((concurrency !== undefined || rate) && { type, ...(isKeyed && { keyed: true }) }),
  };
  return { kind: "run", body, delay, flow: await flowOf(deps, task) };
}

/** Why a type's limits cannot be enforced, or undefined when they can. */
export function limitFault({ type, concurrency, rate }: AnyTask): string | undefined {
  const isCount = (value: number) => Number.isInteger(value) && value >= 1;
  if (concurrency !== undefined && !isCount(concurrency))
    return `The concurrency of "${type}" must be 1 or more.`;
  if (!rate) return undefined;
  const { limit, period = 1_000 } = rate;
  const isPeriod = isCount(period) && period % 1_000 === 0 && period <= LONGEST_PERIOD;
  return isCount(limit) && isPeriod
    ? undefined
    : `The rate of "${type}" must be 1 or more within whole seconds, 7 days at most.`;
}

/** The limits at the start of an attempt, as this deployment declares the type now. */
export function limitsOf(deps: FlowParts, { type, keyed }: RunMessage): TypeLimits | undefined {
  const { concurrency, rate } = (type !== undefined && deps.tasks.get(type)) || {};
  if (type === undefined || (concurrency === undefined && !rate)) return undefined;
  return {
    type,
    ...(concurrency !== undefined && { concurrency }),
    ...(rate && { rate: { limit: rate.limit, period: rate.period ?? 1_000 } }),
    keyed: keyed === true,
  };
}

/** The other limits of a delivery: an endpoint's, at so many per second where it has a limit. */
export interface DeliveryFlow {
  readonly endpointId?: string;
  readonly rateLimit?: number;
}

/**
 * The message that asks for an attempt of a delivery. Deliveries have lines of their own: one for callbacks, half as
 * wide as their project's, and each endpoint's, an eighth, because there are many. Slow receivers hold up neither tasks
 * nor other endpoints.
 */
export function deliverMessage(
  deps: FlowParts,
  body: DeliverMessage,
  delay: number,
  { endpointId, rateLimit }: DeliveryFlow = {},
): QueueMessage {
  const [key, share] =
    endpointId === undefined ? [`deliveries.${body.project}`, 2] : [`endpoint.${endpointId}`, 8];
  const parallelism = Math.max(1, Math.floor(deps.settings.concurrency.perProject / share));
  return { kind: "deliver", body, delay, flow: { key, parallelism, ...(rateLimit && paceOf(rateLimit)) } };
}

/**
 * The messages that ask for the first attempts of deliveries that were just opened; dead letters stay where they are.
 */
export function firstAttemptMessages(
  deps: FlowParts,
  project: string,
  opened: readonly NewDelivery[],
): readonly QueueMessage[] {
  return opened
    .filter(({ dead }) => !dead)
    .map((one) => deliverMessage(deps, { v: 1, project, delivery: one.id, attempt: 1 }, one.delay ?? 0, one));
}

/** So many per second as the queue counts them: whole calls in whole seconds. */
function paceOf(perSecond: number): Pick<Flow, "rate" | "period"> {
  if (perSecond >= 1) return { rate: Math.floor(perSecond), period: 1_000 };
  return { rate: 1, period: Math.ceil(1 / perSecond) * 1_000 };
}

async function nameOf({ sha256 }: Hashes, kind: "type" | "service", name: string): Promise<string> {
  return /^[\w.-]{1,100}$/.test(name)
    ? `${kind}.${name}`
    : `${kind}-hash.${hex(await sha256(utf8(name))).slice(0, 40)}`;
}
