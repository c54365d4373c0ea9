import type { NewDelivery } from "../../../src/ports/commands/delivery.ts";
import type { Store } from "../../../src/ports/store.ts";
import type { ParkedTask } from "../../../src/ports/stores/pause-store.ts";
import type { ApiKey } from "../../../src/projects/principal.ts";
import type { BatchRecord } from "../../../src/tasks/batch/record.ts";
import type { DeliveryRecord, TaskRecord } from "../../../src/tasks/record.ts";
import { acceptCommand, type Environment, erased, freshProject } from "../store-fixture.ts";
import { answerOf, endedOf, replayedOf } from "./answers.ts";
import {
  type Answer,
  CALL_LENGTH,
  DELIVERY_DELAY,
  DELIVERY_LEASE,
  IMMEDIATE_LEASE,
  LARGE,
  LENT,
  MAX_ATTEMPTS,
  MAX_OPEN,
  type Of,
  type Operation,
} from "./operations.ts";
import type { Grant, Sending } from "./state.ts";

const CONFIGURATION = {
  scope: "endpoints:write",
  startsTold: false,
  id: "ep_1",
  deliveries: [],
} as const;

/** The real thing: a store, whose clock runs ahead by what has passed, and what was read from it last. */
export class World {
  readonly environment: Environment;
  readonly caller: ApiKey;
  /** Milliseconds that the scripts' clock is ahead. */
  offset = 0;
  /** As they were read last, and as they were when they were read first or an attempt began. */
  readonly tasks = new Map<string, TaskRecord>();
  readonly older: TaskRecord[] = [];
  readonly deliveries = new Map<string, DeliveryRecord>();
  readonly batches = new Map<string, BatchRecord>();
  /** The list of the parked tasks, as it was read last. */
  parked: readonly ParkedTask[] = [];
  readonly grants: Grant[] = [];
  readonly sendings: Sending[] = [];
  /** What was sent, oldest first. */
  readonly sent: Operation[] = [];
  /** Every script and what it answered, over all runs. */
  readonly seen: Set<string>;
  #store: Store;

  private constructor(environment: Environment, caller: ApiKey, seen: Set<string>) {
    this.environment = environment;
    this.caller = caller;
    this.seen = seen;
    this.#store = environment.store;
  }

  /** A database with nothing in it but one project. */
  static async open(environment: Environment, seen: Set<string>): Promise<World> {
    await environment.redis("FLUSHALL");
    return new World(environment, await freshProject(environment.store), seen);
  }

  get store(): Store {
    return this.#store;
  }

  /** The time that a script would be told now. */
  get now(): number {
    return Date.now() + this.offset;
  }

  pass(time: number): void {
    this.offset += time;
    this.#store = this.environment.at(this.offset);
  }

  async send(op: Operation): Promise<Answer> {
    this.sent.push(op);
    switch (op.kind) {
      case "accept":
        return this.#accept(op);
      case "claim":
        return this.#claim(op);
      case "renew": {
        const progress =
          op.progress === undefined ? {} : { progress: { percent: op.progress, at: this.now } };
        const { project } = this.caller;
        const { run, attempt, lease, fixed } = op;
        const command = { project, task: op.id, run, attempt, lease, fixed, ...progress };
        return [(await this.store.renew(command)).kind];
      }
      case "report": {
        const { run, attempt, progress: percent } = op;
        const said = percent === undefined ? {} : { progress: { percent } };
        const answer = await this.store.report({
          project: this.caller.project,
          task: op.id,
          run,
          attempt,
          ...said,
        });
        return answer.kind === "ended" ? [answer.kind, answer.status] : [answer.kind];
      }
      case "end":
        return this.#end(op);
      case "replay": {
        return replayedOf(await this.store.replay({ ...op, caller: this.caller, maxOpen: MAX_OPEN }));
      }
      case "erase": {
        return [(await erased(this.store, { caller: this.caller, record: op.record })).kind];
      }
      case "published":
        return this.#published(op);
      case "announce": {
        const { kind } = await this.store.announce(op);
        if (kind === "opened") this.#sends(op.deliveries);
        return [kind];
      }
      case "unpark": {
        const answers = await this.store.unpark(this.caller.project, op.tasks);
        return answers.flatMap(
          (one): Answer => (one.kind === "run" ? [one.kind, one.run, one.attempt] : [one.kind]),
        );
      }
      case "endMany": {
        const ends = op.ends.map((end) => ({ ...end, actor: "admin" as const }));
        return (await this.store.endAll(ends)).flatMap((answer) => endedOf(answer).slice(0, 2));
      }
      case "replayMany": {
        const rest = { caller: this.caller, maxOpen: MAX_OPEN };
        const answers = await this.store.replayAll(op.replays.map((replay) => ({ ...replay, ...rest })));
        return answers.flatMap(replayedOf);
      }
      case "openBatch": {
        const batch = { id: op.id, metadata: {} };
        const { caller } = this;
        return [(await this.store.openBatch({ caller, scopes: ["tasks:write"], batch })).kind];
      }
      case "settle": {
        const { project } = this.caller;
        return [await this.store.settleBatch({ ...op, project })];
      }
      case "complete":
        return [(await this.store.completeBatch({ ...op, deliveries: [] })).kind];
      case "configure": {
        const { version, nonce } = op;
        const paused = op.paused ? { paused: ["*"] } : {};
        const answer = await this.store.configure({
          ...{ ...CONFIGURATION, ...paused, caller: this.caller, version, nonce },
          json: JSON.stringify({ ...paused, signing: [] }),
        });
        return answer.kind === "configured" ? [answer.kind, answer.version] : [answer.kind];
      }
      case "grant":
        return [(await this.store.putKey(this.caller.project, { ...LENT, key: op.key })).kind];
      case "revoke": {
        const dropped = await this.store.dropKey(this.caller.project, op.key, op.nonce);
        return [dropped ? "revoked" : "missing"];
      }
      case "limit": {
        const limits = await this.store.limitProject(this.caller.project, { maxOpen: op.maxOpen }, op.nonce);
        return ["limited", limits?.maxOpen ?? 0];
      }
      case "begin":
        return this.#begin(op);
      case "record":
        return this.#record(op);
      case "redeliver":
        return this.#redeliver(op);
      case "inspect": {
        const actions = await this.store.reconcile(0, op.members, op.nonce);
        return actions.flatMap(answerOf);
      }
    }
  }

  async #accept(op: Of<"accept">): Promise<Answer> {
    const task = {
      id: op.id,
      maxAttempts: MAX_ATTEMPTS,
      options: { deadline: op.deadline },
      start: { kind: "delay" as const, delay: op.delay },
      ...(op.largeInput && { input: LARGE }),
      ...(op.batch !== undefined && { batch: op.batch }),
    };
    const { idempotency, lease: id } = op;
    const lease = id !== undefined && { lease: { id, length: IMMEDIATE_LEASE } };
    const rest = { maxOpen: MAX_OPEN, ...(idempotency && { idempotency }), ...lease };
    const answer = await this.store.accept(acceptCommand(this.caller, task, rest));
    switch (answer.kind) {
      case "accepted":
        this.older.push(answer.record);
        if (!answer.begun) return [answer.kind, answer.record.id];
        if (op.lease !== undefined) this.grants.push({ record: answer.record, lease: op.lease });
        return ["begun", answer.record.id];
      case "replayed":
      case "reused":
      case "erased":
        return [answer.kind, answer.id];
      case "quota":
        return [answer.kind, answer.quota];
      default:
        return [answer.kind];
    }
  }

  async #claim(op: Of<"claim">): Promise<Answer> {
    const { run, attempt, lease } = op;
    const answer = await this.store.claim({ project: this.caller.project, task: op.id, run, attempt, lease });
    switch (answer.kind) {
      case "claimed": {
        const { record } = answer;
        this.grants.push({ record, lease });
        this.older.push(record);
        if (record.input.json === undefined) throw new Error("claim gave no input");
        return [answer.kind, record.attempt, record.crashes, record.sequence];
      }
      case "ended":
        return [answer.kind, ...answer.deliveries];
      default:
        return [answer.kind];
    }
  }

  async #end(op: Of<"end">): Promise<Answer> {
    const answer = await this.store.end({ ...op, actor: "worker" });
    if (op.outcome.kind !== "retry") this.#sends(op.outcome.deliveries);
    return endedOf(answer);
  }

  #sends(deliveries: readonly NewDelivery[]): void {
    for (const { id, lease } of deliveries) {
      if (lease) this.sendings.push({ delivery: id, attempt: 1, lease: lease.id });
    }
  }

  async #published(op: Of<"published">): Promise<Answer> {
    const { id: task, run, attempt, message, held } = op;
    const { project } = this.caller;
    const command = { project, task, run, attempt, message, length: CALL_LENGTH, held };
    const answer = await this.store.recordCall(command);
    switch (answer.kind) {
      case "published":
        this.grants.push({ record: answer.record, lease: "nobody's" }); // for its token: a service holds no lease
        return [answer.kind, answer.record.attempt, answer.record.sequence];
      case "already":
        return [answer.kind, ...answer.deliveries];
      default:
        return [answer.kind];
    }
  }

  async #begin({ delivery, attempt, lease }: Of<"begin">): Promise<Answer> {
    const { project } = this.caller;
    const answer = await this.store.leaseDelivery({
      project,
      delivery,
      attempt,
      lease,
      length: DELIVERY_LEASE,
    });
    if (answer.kind !== "begun") return [answer.kind];
    this.sendings.push({ delivery, attempt: answer.record.attempt, lease });
    return [answer.kind, answer.record.attempt, answer.record.crashes];
  }

  async #record(op: Of<"record">): Promise<Answer> {
    const { delivery, attempt, lease, at, nonce, outcome, endpoint } = op;
    const answer = await this.store.record({
      project: this.caller.project,
      delivery,
      attempt,
      lease,
      outcome: outcome === "retry" ? { kind: outcome, delay: DELIVERY_DELAY } : { kind: outcome },
      log: JSON.stringify({ at: new Date(at).toISOString(), durationMs: 1 }),
      at,
      verdict: {},
      deliveries: [],
      nonce,
      ...(endpoint !== undefined && { endpointId: endpoint }),
    });
    return [answer.kind];
  }

  async #redeliver(op: Of<"redeliver">): Promise<Answer> {
    const answer = await this.store.redeliver({
      caller: this.caller,
      scope: "tasks:write",
      delivery: op.delivery,
      delay: 0,
      endedAt: op.endedAt,
      nonce: op.nonce,
      ...(op.endpoint !== undefined && { endpointId: op.endpoint }),
    });
    return answer.kind === "found" ? [answer.kind, answer.record.attempt, answer.record.base] : [answer.kind];
  }
}
