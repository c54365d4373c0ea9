import type { DeliveryRecord, TaskRecord } from "../domain/record.ts";
import type { Caller, Denied, ReadAnswer, Scope, StoredConfig } from "../flow/caller.ts";
import type { KnownRequest } from "../flow/config-commands.ts";
import type { Idempotency } from "../flow/idempotency.ts";
import type { TaskPosition } from "../flow/task-commands.ts";
import { configOf } from "./config.ts";
import type { Context } from "./context.ts";
import { readDeliveryFields, readTaskFields } from "./fields.ts";
import { keysOf } from "./keys.ts";
import { fieldsOf, type ScriptReply, script } from "./script.ts";

/** Reads hashes (h) and strings (s) for a caller who may. A script, so that no lagging replica answers. */
export const READ = script(
  "read",
  `
local proj, offset, key, secret, scope, kinds = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local t = now(offset)
if key ~= '' then
  local no = denied(redis.call('HGET', proj, 'k:' .. key), secret, scope, t)
  if no then return {no} end
end
local answers = {'found', ms(t)}
for i = 2, #KEYS do
  if string.sub(kinds, i - 1, i - 1) == 'h' then answers[#answers + 1] = redis.call('HGETALL', KEYS[i])
  else answers[#answers + 1] = redis.call('GET', KEYS[i]) or '' end
end
return answers
`,
);

/** A page of a project's tasks, newest first, from the hours whose keys are given. */
export const PAGE = script(
  "page",
  `
local proj, offset, key, secret, most, before, id = KEYS[1], ARGV[1], ARGV[2], ARGV[3], num(ARGV[4]), ARGV[5], ARGV[6]
local no = denied(redis.call('HGET', proj, 'k:' .. key), secret, 'tasks:read', now(offset))
if no then return {no} end
local found = {}
for i = 2, #KEYS do
  local skip = 0
  while #found < most * 2 do
    local rows = redis.call('ZREVRANGEBYSCORE', KEYS[i], before, '-inf', 'WITHSCORES', 'LIMIT', ms(skip), ms(most))
    for j = 1, #rows, 2 do
      local later = before ~= '+inf' and num(rows[j + 1]) == num(before) and rows[j] >= id
      if not later and #found < most * 2 then found[#found + 1] = rows[j]; found[#found + 1] = ms(num(rows[j + 1])) end
    end
    skip = skip + most
    if #rows < most * 2 then break end
  end
  if #found >= most * 2 then break end
end
return {'found', found}
`,
);

/** The hours in which a project's tasks were accepted, newest first. */
export const HOURS = script(
  "hours",
  `
local hours, before, most = KEYS[1], ARGV[1], ARGV[2]
return redis.call('ZREVRANGEBYSCORE', hours, before, '-inf', 'LIMIT', '0', most)
`,
);

/** How many hours one page looks through at most; a page may be short and still have a next one. */
const PAGE_HOURS = 48;

type Reply = readonly ScriptReply[];

async function read(
  context: Context,
  caller: Caller,
  scope: Scope,
  keys: readonly { readonly key: string; readonly kind: "h" | "s" }[],
): Promise<Denied | { kind: "found"; now: number; values: Reply }> {
  const [code, now, ...values] = await context.quick(
    READ,
    [keysOf(caller.project).project, ...keys.map(({ key }) => key)],
    [context.offset, caller.key, caller.hash, scope, keys.map(({ kind }) => kind).join("")],
  );
  if (code === "unauthenticated" || code === "forbidden") return { kind: code };
  return { kind: "found", now: Number(now), values };
}

/** Reads a task; its large input or result costs a further request, because only the task knows where it lies. */
export async function readTask(
  context: Context,
  caller: Caller,
  id: string,
  include: { readonly input?: boolean; readonly result?: boolean } = {},
): Promise<ReadAnswer<{ record: TaskRecord }>> {
  const names = keysOf(caller.project);
  const first = await read(context, caller, "tasks:read", [{ key: names.task(id), kind: "h" }]);
  if (first.kind !== "found") return first;
  const { now } = first;
  const record = readTaskFields(caller.project, id, fieldsOf(first.values[0]));
  if (!record) return { kind: "missing", now };
  const wanted: { part: "input" | "result"; key: string }[] = [];
  if (include.input && record.input.placement === "key") wanted.push({ part: "input", key: names.input(id) });
  if (include.result && record.result.placement === "key") {
    wanted.push({ part: "result", key: names.result(id, record.run) });
  }
  if (wanted.length === 0) return { kind: "found", now, record };
  const second = await read(
    context,
    caller,
    "tasks:read",
    wanted.map(({ key }) => ({ key, kind: "s" })),
  );
  if (second.kind !== "found") return second;
  let whole = record;
  for (const [index, { part }] of wanted.entries()) {
    const json = String(second.values[index] ?? "");
    if (json !== "") whole = { ...whole, [part]: { placement: "key", json } };
  }
  return { kind: "found", now, record: whole };
}

export async function readTasks(context: Context, caller: Caller, ids: readonly string[]) {
  const names = keysOf(caller.project);
  const keys = ids.map((id) => ({ key: names.task(id), kind: "h" as const }));
  const answer = await read(context, caller, "tasks:read", keys);
  if (answer.kind !== "found") return answer;
  const records = ids.flatMap((id, index): TaskRecord[] => {
    const record = readTaskFields(caller.project, id, fieldsOf(answer.values[index]));
    return record ? [record] : [];
  });
  return { kind: answer.kind, now: answer.now, records };
}

export async function readDeliveries(context: Context, caller: Caller, ids: readonly string[]) {
  const names = keysOf(caller.project);
  const keys = ids.map((id) => ({ key: names.delivery(id), kind: "h" as const }));
  const answer = await read(context, caller, "tasks:read", keys);
  if (answer.kind !== "found") return answer;
  const records = ids.flatMap((id, index): DeliveryRecord[] => {
    const record = readDeliveryFields(caller.project, id, fieldsOf(answer.values[index]));
    return record ? [record] : [];
  });
  return { kind: answer.kind, now: answer.now, records };
}

export async function readConfig(
  context: Context,
  caller: Caller,
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

export async function readBody(
  context: Context,
  project: string,
  event: string,
  format: string,
): Promise<string | undefined> {
  const nobody = { project, key: "", hash: "" };
  const answer = await read(context, nobody, "admin", [
    { key: keysOf(project).body(event, format), kind: "s" },
  ]);
  const body = answer.kind === "found" ? String(answer.values[0] ?? "") : "";
  return body === "" ? undefined : body;
}

/** Positions of tasks, newest first; stable while tasks are added, because a position is a time and an id. */
export async function listTasks(
  context: Context,
  caller: Caller,
  before: TaskPosition | undefined,
  limit: number,
) {
  const names = keysOf(caller.project);
  const newest = before ? Math.floor(before.at / 3_600_000) : "+inf";
  const hours = (await context.quick(HOURS, [names.hours], [newest, PAGE_HOURS + 1])).map(Number);
  const searched = hours.slice(0, PAGE_HOURS);
  const [code, rows] = await context.quick(
    PAGE,
    [names.project, ...searched.map((hour) => names.index(hour))],
    [context.offset, caller.key, caller.hash, limit + 1, before?.at ?? "+inf", before?.id ?? ""],
  );
  if (code === "unauthenticated" || code === "forbidden") return { kind: code } satisfies Denied;
  const positions = positionsOf(rows);
  const oldestSearched = searched.at(-1);
  const page = positions.slice(0, limit);
  const last = page.at(-1);
  const more = positions.length > limit && last ? last : undefined;
  const further = hours.length > PAGE_HOURS && oldestSearched !== undefined;
  const next = more ?? (further ? { at: oldestSearched * 3_600_000 - 1, id: "~" } : undefined);
  return { kind: "found" as const, positions: page, ...(next && { next }) };
}

function positionsOf(rows: ScriptReply | undefined): TaskPosition[] {
  const positions: TaskPosition[] = [];
  if (!Array.isArray(rows)) return positions;
  for (let i = 0; i + 1 < rows.length; i += 2)
    positions.push({ id: String(rows[i]).split("|")[0] ?? "", at: Number(rows[i + 1]) });
  return positions;
}
