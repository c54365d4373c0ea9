import type { NewDelivery } from "../../src/ports/commands/delivery.ts";
import type { ApiKey } from "../../src/projects/principal.ts";
import { makeId } from "../../src/shared/id.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { type Crowd, newTask } from "./fill.ts";

/** The work of a worker on a task: claims it, ends it with one delivery, records that this was delivered. */
export async function work(
  volume: Crowd,
  { project, id }: TaskRecord,
  { isSuccess = true, isTold = true }: { readonly isSuccess?: boolean; readonly isTold?: boolean } = {},
): Promise<void> {
  const { store } = volume;
  const lease = crypto.randomUUID();
  const claimed = await store.claim({ project, task: id, run: 1, attempt: 1, lease });
  if (claimed.kind !== "claimed") throw new Error(`claim answered ${claimed.kind}`);
  const { record, now } = claimed;
  const delivery = deliveryOf(volume, record, lease);
  const ended = await store.end({
    record,
    authority: { by: "lease", lease, attempt: 1 },
    outcome: {
      endedAt: now,
      resultTtl: 7 * 86_400_000,
      deliveries: isTold ? [delivery] : [],
      ...(isSuccess
        ? { kind: "succeeded", result: record.input.json ?? "null" }
        : {
            kind: "failed",
            error: { code: "invalid-csv", message: "Line 3 has no number.", retryable: false },
          }),
    },
    configVersion: claimed.config.version,
    actor: "worker",
    nonce: crypto.randomUUID(),
  });
  if (ended.kind !== "ended") throw new Error(`end answered ${ended.kind}`);
  if (!isTold) return;
  const recorded = await store.record({
    project,
    delivery: delivery.id,
    lease,
    attempt: 1,
    outcome: { kind: "delivered" },
    log: JSON.stringify({ at: now, durationMs: 9, statusCode: 204 }),
    at: now,
    verdict: {},
    deliveries: [],
    nonce: crypto.randomUUID(),
  });
  if (recorded.kind !== "recorded") throw new Error(`record answered ${recorded.kind}`);
}

/** A callback's delivery with a body as long as a small task's. */
function deliveryOf(volume: Crowd, { id }: TaskRecord, lease: string): NewDelivery {
  const random = () => crypto.getRandomValues(new Uint8Array(8));
  return {
    id: makeId("del", volume.now(), 0, random()),
    taskId: id,
    eventId: makeId("evt", volume.now(), 0, random()),
    eventType: "task.succeeded",
    url: "https://client.example/hooks",
    format: "full",
    body: JSON.stringify({ type: "task.succeeded", data: { id, text: "b".repeat(BODY) } }),
    lease: { id: lease, length: 20_000 },
  };
}

const BODY = 900;

/** Accepts one task, to be run at once. */
export async function submitted(volume: Crowd, caller: ApiKey, n: number, delay = 0): Promise<TaskRecord> {
  const answer = await volume.store.accept(newTask(volume, caller, n, delay));
  if (answer.kind !== "accepted") throw new Error(`accept answered ${answer.kind}`);
  return answer.record;
}
