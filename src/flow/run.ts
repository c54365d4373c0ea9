import { INLINE_DELIVERIES } from "../domain/limits.ts";
import type { Failure, TaskRecord } from "../domain/record.ts";
import { handlerBackoff } from "../domain/schedule.ts";
import { type Concluded, type Conclusion, conclude, expiry } from "./conclude.ts";
import { type Answer, DONE, deliver, send } from "./deliver.ts";
import { execute } from "./execute.ts";
import type { Invocation } from "./parts.ts";
import type { RunMessage } from "./ports.ts";
import { publish } from "./publish.ts";
import type { ClaimAnswer } from "./store.ts";
import { redisTime } from "./time.ts";

type Held = Extract<ClaimAnswer, { kind: "claimed" | "expired" | "exhausted" }>;

/** The attempt that a run message asks for: leased, run, ended; compares state before it acts. */
export async function run(inv: Invocation, message: RunMessage): Promise<Answer> {
  const lease = crypto.randomUUID();
  const claimed = await inv.store.claim({ ...message, lease });
  switch (claimed.kind) {
    case "gone":
    case "stale":
    case "waiting":
      return DONE;
    case "ended":
      return resume(inv, message.project, claimed.deliveries);
    case "busy":
    case "early":
      return { status: 503, retryAfter: claimed.retryAfter };
    case "expired":
    case "exhausted":
      await giveUp(inv, claimed, "worker");
      return DONE;
    case "claimed":
      return work(inv, claimed, lease);
  }
}

/** Ends a task that may not run again: its deadline has passed, or its handler took the gateway down too often. */
export async function giveUp(
  inv: Invocation,
  held: Pick<Held, "kind" | "record" | "config" | "now">,
  actor: "worker" | "sweep",
): Promise<void> {
  const { record } = held;
  const crashed: Failure = {
    code: "crashed",
    message: `The attempt was cut off ${record.crashes + 1} times without an outcome.`,
    retryable: false,
  };
  const concluded = await conclude(inv, {
    record,
    config: held.config,
    authority: { by: "sequence", sequence: record.sequence },
    ending: held.kind === "expired" ? expiry(record) : { status: "failed", error: crashed },
    actor,
    cause: held.kind === "expired" ? "deadline" : "crashes",
    time: redisTime(held.now, inv.clock),
  });
  await sendFirst(inv, record, concluded);
}

async function work(inv: Invocation, claimed: Held, lease: string): Promise<Answer> {
  const { record, config } = claimed;
  const time = redisTime(claimed.now, inv.clock);
  const outcome = await execute(inv, record, lease, time);
  const authority = { by: "lease", lease, attempt: record.attempt } as const;
  const concludeAs = (ending: Conclusion["ending"], cause?: string) =>
    conclude(inv, {
      record,
      config,
      authority,
      ending,
      actor: "worker",
      time,
      ...(cause !== undefined && { cause }),
    });
  switch (outcome.kind) {
    case "lost":
      return DONE;
    case "expired":
      await sendFirst(inv, record, await concludeAs(expiry(record), "deadline"));
      return DONE;
    case "succeeded": {
      const { result } = outcome;
      await sendFirst(
        inv,
        record,
        await concludeAs({ status: "succeeded", ...(result !== undefined && { result }) }),
      );
      return DONE;
    }
    case "failed": {
      const { error } = outcome;
      if (error.retryable && record.attempt < record.maxAttempts) return retry(inv, record, lease, outcome);
      await sendFirst(inv, record, await concludeAs({ status: "failed", error }, error.code));
      return DONE;
    }
  }
}

async function retry(
  inv: Invocation,
  record: TaskRecord,
  lease: string,
  { error, retryAfter = 0 }: { readonly error: Failure; readonly retryAfter?: number },
): Promise<Answer> {
  const delay = Math.max(handlerBackoff(record.attempt, inv.random()), retryAfter);
  const ended = await inv.store.end({
    record,
    authority: { by: "lease", lease, attempt: record.attempt },
    outcome: { kind: "retry", delay, error },
    actor: "worker",
    cause: error.code,
    nonce: crypto.randomUUID(),
  });
  if (ended.kind === "ended") {
    const body = {
      v: 1,
      project: record.project,
      task: record.id,
      run: record.run,
      attempt: record.attempt + 1,
    } as const;
    await publish(inv, { kind: "run", body, delay });
  } else if (ended.kind === "deadline-passed") {
    await giveUpLeased(inv, record, lease);
  }
  return DONE;
}

/** The deadline passed while the attempt failed: nothing but `expired` can be written now. */
async function giveUpLeased(inv: Invocation, record: TaskRecord, lease: string): Promise<void> {
  const claimed = await inv.store.claim({
    project: record.project,
    task: record.id,
    run: record.run,
    attempt: record.attempt,
    lease,
  });
  if (claimed.kind !== "claimed" && claimed.kind !== "expired") return;
  await giveUp(inv, { ...claimed, kind: "expired" }, "worker");
}

/** Sends the first attempts of what a task's end opened, a few side by side; the rest goes by the queue. */
export async function sendFirst(inv: Invocation, record: TaskRecord, concluded: Concluded): Promise<void> {
  if (concluded.kind !== "ended") {
    inv.log("info", "outcome-not-written", { task: record.id, run: record.run, reason: concluded.kind });
    return;
  }
  const { project } = record;
  const inline = concluded.opened.slice(0, INLINE_DELIVERIES);
  const rest = concluded.opened.slice(INLINE_DELIVERIES);
  await Promise.all(
    rest.map(({ id }) =>
      publish(inv, { kind: "deliver", body: { v: 1, project, delivery: id, attempt: 1 }, delay: 0 }),
    ),
  );
  await Promise.all(
    inline.map((opened) => {
      const { id: delivery, lease } = opened;
      if (!lease) return deliver(inv, { v: 1, project, delivery, attempt: 1 });
      const { config, now } = concluded;
      return send(inv, {
        project,
        delivery,
        lease: lease.id,
        attempt: 1,
        base: 0,
        crashes: 0,
        parcel: opened,
        config,
        now,
      });
    }),
  );
}

/** The task has ended: whatever of its deliveries was cut off is begun again. */
async function resume(inv: Invocation, project: string, deliveries: readonly string[]): Promise<Answer> {
  const answers = await Promise.all(
    deliveries.map((delivery) => deliver(inv, { v: 1, project, delivery, attempt: 1 })),
  );
  return answers.find(({ status }) => status === 503) ?? DONE;
}
