import type { KnownRequest } from "../../../ports/commands/config.ts";
import type { EndpointHealth } from "../../../ports/commands/delivery.ts";
import type { TaskParts } from "../../../ports/commands/list.ts";
import type { Denied, ReadAnswer, Scope, StoredConfig } from "../../../projects/caller.ts";
import {
  type Client,
  type SignedLink,
  type System,
  system,
  type TaskReader,
} from "../../../projects/principal.ts";
import type { Idempotency } from "../../../shared/idempotency.ts";
import { originOf } from "../../../shared/origin.ts";
import type { BatchRecord } from "../../../tasks/batch/record.ts";
import type { DeliveryRecord, TaskRecord } from "../../../tasks/record.ts";
import type { Context } from "../context.ts";
import { readBatchFields, readDeliveryState, readTaskFields } from "../fields.ts";
import { keysOf } from "../keys.ts";
import { openPayload } from "../payloads.ts";
import { configOf } from "../projects/config.ts";
import { isDenial, mayRead, proofOf } from "../proof.ts";
import { fieldsOf, named, type ScriptReply, script } from "../script.ts";

/** Reads hashes and strings for a caller who may. A script, so that no lagging replica answers. */
export const READ = script(
  "read",
  `
-- KEYS
--   project        hash of the project
--   values…        what is read
-- ARGV
--   offset         ms added to Redis's clock
--   key, secret    id of the API key, SHA-256 of its secret; empty: no API key is checked
--   scope          what the API key must be allowed to do
--   kinds          one letter per value: \`h\` for a hash, \`s\` for a string
-- RETURNS
--   found, <now>, <value>, …
--                           fields and values of a hash; a string, empty when it is missing
--   unauthenticated | forbidden | unknown-project
--                           the API key is unknown, or lacks the scope; there is no such project
local projectKey = KEYS[1]
local args = named(ARGV)
local now = clock(args.offset)
if args.key ~= '' then
  local refusal = denied(redis.call('HGET', projectKey, proofField(args.key)), args.secret, args.scope, now)
  if refusal then return {refusal} end
end
local answer = {'found', integer(now)}
for i = 2, #KEYS do
  if string.sub(args.kinds, i - 1, i - 1) == 'h' then answer[#answer + 1] = redis.call('HGETALL', KEYS[i])
  else answer[#answer + 1] = redis.call('GET', KEYS[i]) or '' end
end
return answer
`,
);

/** Of some endpoints: their failures in a row, since when, their last success, and the circuits of their destinations. */
export const HEALTH = script(
  "health",
  `
-- KEYS
--   project        hash of the project
--   healths…       health of each endpoint
-- ARGV
--   offset         ms added to Redis's clock
--   …              per endpoint the field of its destination's circuit
-- RETURNS
--   <now>, <health>, …      per endpoint: failures in a row, time of the first, time of the last success, the circuit's
--                           text; empty where there is none
local projectKey = KEYS[1]
local args, rest = named(ARGV)
local circuits, answer = some(projectKey, {'cfgv', unpack(ARGV, rest)}), {integer(clock(args.offset))}
for i = 2, #KEYS do
  local health = some(KEYS[i], {'failures', 'first', 'ok'})
  local circuit = circuits[ARGV[rest + i - 2]]
  answer[i] = {health.failures or '0', health.first or '', health.ok or '', circuit or ''}
end
return answer
`,
);

type Reply = readonly ScriptReply[];

async function read(
  context: Context,
  caller: Client | SignedLink | System,
  scope: Scope,
  keys: readonly { readonly key: string; readonly kind: "h" | "s" }[],
): Promise<Denied | { kind: "found"; now: number; values: Reply }> {
  const kinds = keys.map(({ kind }) => kind).join("");
  const [code, now, ...values] = await context.quick(
    READ,
    [keysOf(caller.project).project, ...keys.map((one) => one.key)],
    named({ offset: context.offset, ...proofOf(caller), scope, kinds }),
  );
  if (isDenial(code)) return { kind: code };
  return { kind: "found", now: Number(now), values };
}

/** Checks an API key and its scope, and reads nothing. */
export async function authorize(context: Context, caller: Client, scope: Scope) {
  const answer = await read(context, caller, scope, []);
  return answer.kind === "found" ? ({ kind: "allowed" } as const) : answer;
}

/**
 * Reads a task; its large input or result and the deliveries that are asked for together cost a further request, because
 * only the task knows where they lie.
 */
export async function readTask(
  context: Context,
  caller: TaskReader,
  id: string,
  include: TaskParts = {},
): Promise<ReadAnswer<{ record: TaskRecord; deliveries: readonly DeliveryRecord[] }>> {
  if (!mayRead(caller, id)) return { kind: "forbidden" };
  const names = keysOf(caller.project);
  const first = await read(context, caller, "tasks:read", [{ key: names.task(id), kind: "h" }]);
  if (first.kind !== "found") return first;
  const { now } = first;
  const record = await readTaskFields(context, caller.project, id, fieldsOf(first.values[0]));
  if (!record) return { kind: "missing", now };
  const wanted: { part: "input" | "result"; key: string }[] = [];
  if (include.input && record.input.placement === "key") wanted.push({ part: "input", key: names.input(id) });
  if (include.result && record.result.placement === "key") {
    wanted.push({ part: "result", key: names.result(id, record.run) });
  }
  const more = (await include.deliveries?.(record)) ?? [];
  if (wanted.length + more.length === 0) return { kind: "found", now, record, deliveries: [] };
  const second = await read(context, caller, "tasks:read", [
    ...wanted.map(({ key }) => ({ key, kind: "s" as const })),
    ...more.map((one) => ({ key: names.delivery(one), kind: "h" as const })),
  ]);
  if (second.kind !== "found") return second;
  const deliveries = deliveriesIn(caller.project, more, second.values.slice(wanted.length));
  let whole = record;
  for (const [index, { part }] of wanted.entries()) {
    const json = String(second.values[index] ?? "");
    if (json === "") continue;
    const large = { placement: "key", json } as const;
    whole = { ...whole, [part]: await openPayload(context.payloads, large, caller.project) };
  }
  return { kind: "found", now, record: whole, deliveries };
}

function deliveriesIn(project: string, ids: readonly string[], values: Reply): readonly DeliveryRecord[] {
  return ids.flatMap((id, index): DeliveryRecord[] => {
    const record = readDeliveryState(project, id, fieldsOf(values[index]));
    return record ? [record] : [];
  });
}

export async function readTasks(context: Context, caller: Client | System, ids: readonly string[]) {
  const names = keysOf(caller.project);
  const keys = ids.map((id) => ({ key: names.task(id), kind: "h" as const }));
  const answer = await read(context, caller, "tasks:read", keys);
  if (answer.kind !== "found") return answer;
  const records = await Promise.all(
    ids.map((id, index) => readTaskFields(context, caller.project, id, fieldsOf(answer.values[index]))),
  );
  return {
    kind: answer.kind,
    now: answer.now,
    records: records.filter((record) => record !== undefined),
  };
}

export async function readDeliveries(context: Context, caller: Client | System, ids: readonly string[]) {
  const names = keysOf(caller.project);
  const keys = ids.map((id) => ({ key: names.delivery(id), kind: "h" as const }));
  const answer = await read(context, caller, "tasks:read", keys);
  if (answer.kind !== "found") return answer;
  return { kind: answer.kind, now: answer.now, records: deliveriesIn(caller.project, ids, answer.values) };
}

export async function readConfig(
  context: Context,
  caller: Client | System,
  scope: Scope,
  idempotency?: Idempotency,
): Promise<ReadAnswer<{ config: StoredConfig; known?: KnownRequest }>> {
  const names = keysOf(caller.project);
  const keys = [names.config, ...(idempotency ? [names.idempotency(idempotency.hash)] : [])];
  const answer = await read(
    context,
    caller,
    scope,
    keys.map((key) => ({ key, kind: "s" })),
  );
  if (answer.kind !== "found") return answer;
  const { now, values } = answer;
  const config = configOf(values[0]);
  if (config.version === 0) return { kind: "missing", now };
  const [fingerprint, id] = String(values[1] ?? "").split(" ");
  return { kind: "found", now, config, ...(fingerprint && id && { known: { fingerprint, id } }) };
}

export async function readBatch(
  context: Context,
  caller: Client | System,
  id: string,
): Promise<ReadAnswer<{ record: BatchRecord; config: StoredConfig }>> {
  const names = keysOf(caller.project);
  const answer = await read(context, caller, "tasks:read", [
    { key: names.batch(id), kind: "h" },
    { key: names.config, kind: "s" },
  ]);
  if (answer.kind !== "found") return answer;
  const { now, values } = answer;
  const record = readBatchFields(caller.project, id, fieldsOf(values[0]));
  return record ? { kind: "found", now, record, config: configOf(values[1]) } : { kind: "missing", now };
}

/** The state of some endpoints outside their configuration: their deliveries, and the circuits of their destinations. */
export async function readHealth(
  context: Context,
  project: string,
  endpoints: readonly { readonly id: string; readonly url: string }[],
): Promise<readonly EndpointHealth[]> {
  if (endpoints.length === 0) return [];
  const names = keysOf(project);
  const places = endpoints.map(({ url }) => `b:${originOf(url)}`);
  const [now, ...healths] = await context.quick(
    HEALTH,
    [names.project, ...endpoints.map(({ id }) => names.health(id))],
    [...named({ offset: context.offset }), ...places],
  );
  return healths.map((health): EndpointHealth => {
    const [failures, first, ok, circuit] = (health as readonly string[]).map(String); // as the script makes it
    const openUntil = Number(circuit?.split(" ")[2] ?? 0);
    return {
      failures: Number(failures),
      ...(first && { failingSince: Number(first) }),
      ...(ok && { lastSuccessAt: Number(ok) }),
      ...(openUntil > Number(now) && { openUntil }),
    };
  });
}

export async function readBody(
  context: Context,
  project: string,
  event: string,
  format: string,
): Promise<string | undefined> {
  const answer = await read(context, system(project), "admin", [
    { key: keysOf(project).sharedBody(`${event}:${format}`), kind: "s" },
  ]);
  const body = answer.kind === "found" ? String(answer.values[0] ?? "") : "";
  return body === "" ? undefined : context.payloads.open(body, project);
}
