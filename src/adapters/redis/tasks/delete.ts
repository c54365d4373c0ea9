import type { DeleteAnswer, DeleteCommand } from "../../../ports/delete-commands.ts";
import { fault } from "../../../shared/fault-point.ts";
import { CHORE_GRACE, ERASED_AT_ONCE, TOMBSTONE } from "../../../shared/limits.ts";
import type { TaskRecord } from "../../../tasks/record.ts";
import type { TerminalStatus } from "../../../tasks/status.ts";
import type { Context } from "../context.ts";
import { readTaskFields } from "../fields.ts";
import { dayOf, deliveryMember, ERASED, erasureChore, hourOf, keysOf, oldDeadLetterOf } from "../keys.ts";
import { proofOf } from "../proof.ts";
import { fieldsOf, named, type ScriptReply, script } from "../script.ts";
import { pairHash } from "./search.ts";

/**
 * Hides a task that has ended: it leaves the indexes, and its hash takes another name, which says what is left to erase.
 *
 * KEYS: task, project, chores, the hash's new name, idempotency key?, indexes…
 * Returns `erased`, `missing`, `pending`, `changed` with the task, or why the key may not.
 */
export const ERASE = script(
  "deleteTask",
  `
local task, proj, chores, erasing = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local a = named(ARGV) -- offset key secret id seq chore entry idem filed
local idem = KEYS[num(a.idem)]
local t = now(a.offset)
local no = denied(redis.call('HGET', proj, 'k:' .. a.key), a.secret, 'tasks:write', t)
if no then return {no} end
local h = some(task, {'status', 'seq'})
if not h.status then return {'missing', ms(t)} end
if not TERMINAL[h.status] then return {'pending', h.status} end
if h.seq ~= a.seq then return {'changed', ms(t), redis.call('HGETALL', task)} end
redis.call('ZADD', chores, ms(t + ${CHORE_GRACE}), a.chore)
for i = num(a.filed), #KEYS do redis.call('ZREM', KEYS[i], a.entry) end
redis.call('RENAME', task, erasing)
-- What accepted it may have been sent twice: coming once more it must find that the task was here. A full database may
-- refuse to note that: it accepts nothing either.
if idem then
  local owner = string.match(redis.call('GET', idem) or '', '%S+$')
  if owner == a.id then redis.call('DEL', idem) end
  if (not owner or owner == a.id) and not ${fault("no-tombstone")} then
    redis.pcall('SET', idem, '${ERASED} ' .. a.id, 'PX', '${TOMBSTONE}')
  end
else
  pcall(keep, task, '${TOMBSTONE}', {'created', '${ERASED}'})
end
return {'erased'}
`,
);

/** What a hidden task has to say of what is left. */
export const ERASING = script(
  "erasing",
  `
local e = some(KEYS[1], {'run', 'dels', 'past', 'pdel', 'evs', 'erased'})
if not e.run then return {'gone'} end
return {'erasing', e.run, e.dels or '', e.past or '', e.pdel or '', e.evs or '', e.erased or '0'}
`,
);

/** How some deliveries have ended, so that their dead letters are found: status, end and endpoint of each. */
export const FATES = script(
  "fates",
  `
local found = {}
for i = 1, #KEYS do
  local d = some(KEYS[i], {'status', 'ended', 'endpoint'})
  for _, name in ipairs({'status', 'ended', 'endpoint'}) do found[#found + 1] = d[name] or '' end
end
return found
`,
);

/**
 * Erases the next part of what a hidden task has left; with the last one the hash itself.
 *
 * KEYS: due, chores, the hidden hash, what is deleted…, sets of dead letters…
 * ARGV: named; due members…; number of a set and its member…
 * Returns `more`, `done`, or `moved` when somebody else has erased this part.
 */
export const ERASE_PART = script(
  "erasePart",
  `
local due, chores, erasing = KEYS[1], KEYS[2], KEYS[3]
local a, at = named(ARGV) -- offset from till last keys members chore
local e = some(erasing, {'run', 'erased'})
if not e.run then redis.call('ZREM', chores, a.chore) return {'done'} end
if (e.erased or '0') ~= a.from then return {'moved'} end
local deadLetters = at + num(a.members)
for i = deadLetters, #ARGV, 2 do redis.call('ZREM', KEYS[num(ARGV[i])], ARGV[i + 1]) end
if num(a.keys) > 0 then redis.call('DEL', unpack(KEYS, 4, 3 + num(a.keys))) end
if num(a.members) > 0 then redis.call('ZREM', due, unpack(ARGV, at, deadLetters - 1)) end
if a.last == '' then
  redis.call('ZADD', chores, ms(now(a.offset) + ${CHORE_GRACE}), a.chore)
  redis.call('HSET', erasing, 'erased', a.till)
  return {'more'}
end
redis.call('DEL', erasing)
redis.call('ZREM', chores, a.chore)
return {'done'}
`,
);

export async function deleteTask(context: Context, { caller, record }: DeleteCommand): Promise<DeleteAnswer> {
  const { id, project, idempotencyHash } = record;
  const names = keysOf(project);
  const keys = [names.task(id), names.project, names.chores, names.erasing(id)];
  const idem = idempotencyHash ? keys.push(names.idempotency(idempotencyHash)) : 0;
  const filed = keys.length + 1;
  keys.push(...(await indexesOf(record)));
  const [code, now, flat] = await context.quick(
    ERASE,
    keys,
    named({
      offset: context.offset,
      ...proofOf(caller),
      id,
      seq: record.sequence,
      chore: erasureChore(project, id),
      entry: `${id}|${record.type}`,
      idem,
      filed,
    }),
  );
  switch (code) {
    case "missing":
      return { kind: code, now: Number(now) };
    case "changed": {
      const changed = readTaskFields(project, id, fieldsOf(flat));
      return changed ? { kind: code, record: changed } : { kind: "missing", now: Number(now) };
    }
    case "erased":
    case "pending":
    case "unauthenticated":
    case "forbidden":
      return { kind: code };
    default:
      throw new Error(`deleteTask answered "${code}"`);
  }
}

/** The indexes in which a task may lie. */
async function indexesOf({ project, createdAt, metadata }: TaskRecord): Promise<readonly string[]> {
  const names = keysOf(project);
  const hour = hourOf(createdAt);
  const pairs = await Promise.all(Object.entries(metadata).map(([name, value]) => pairHash(name, value)));
  const endings = ["failed", "canceled", "expired"] as const satisfies readonly TerminalStatus[];
  return [
    names.index(hour),
    ...pairs.map((pair) => names.metadata(hour, pair)),
    ...endings.map((status) => names.ending(hour, status)),
  ];
}

export async function isErasing(context: Context, project: string, id: string): Promise<boolean> {
  const [code] = await context.quick(ERASING, [keysOf(project).erasing(id)], []);
  return code === "erasing";
}

/** Erases the next part of what a hidden task has left; true when there is more. */
export async function erasePart(context: Context, project: string, id: string): Promise<boolean> {
  const names = keysOf(project);
  const [code, ...told] = await context.worker(ERASING, [names.erasing(id)], []);
  const all = code === "gone" ? [] : leftOf(project, id, told);
  const from = Number(told[5] ?? 0);
  const part = all.slice(from, from + ERASED_AT_ONCE);
  const deliveries = part.flatMap(({ delivery }) => delivery ?? []);
  const keys = [names.due, names.chores, names.erasing(id), ...part.map(({ key }) => key)];
  const deadLetters = await deadLetterKeysOf(context, project, deliveries, keys);
  const last = from + part.length >= all.length;
  const [answer] = await context.worker(ERASE_PART, keys, [
    ...named({
      offset: context.offset,
      from,
      till: from + part.length,
      last: last ? "1" : "",
      keys: part.length,
      members: deliveries.length,
      chore: erasureChore(project, id),
    }),
    ...deliveries.map((delivery) => deliveryMember(project, delivery)),
    ...deadLetters,
  ]);
  return answer !== "done";
}

/** Everything that was made for a task, always in the same order: what may still be sent first. */
function leftOf(
  project: string,
  id: string,
  [run, ...lists]: readonly ScriptReply[],
): readonly { readonly key: string; readonly delivery?: string }[] {
  const names = keysOf(project);
  const [current = [], past = [], progress = [], bodies = []] = lists.map((text) =>
    String(text).split(",").filter(Boolean),
  );
  const deliveries = [...past, ...current, ...progress].reverse();
  return [
    ...deliveries.map((delivery) => ({ key: names.delivery(delivery), delivery })),
    ...bodies.map((name) => ({ key: names.sharedBody(name) })),
    ...Array.from({ length: Number(run) }, (_, index) => ({ key: names.result(id, index + 1) })),
    { key: names.input(id) },
  ];
}

/** The dead letters among some deliveries: the numbers of their sets, whose keys are added, and their members. */
async function deadLetterKeysOf(
  context: Context,
  project: string,
  deliveries: readonly string[],
  keys: string[],
) {
  if (deliveries.length === 0) return [];
  const names = keysOf(project);
  const fates = await context.worker(
    FATES,
    deliveries.map((delivery) => names.delivery(delivery)),
    [],
  );
  return deliveries.flatMap((delivery, index) => {
    const [status, ended, endpoint] = fates.slice(3 * index, 3 * index + 3).map(String);
    if (status !== "dead") return [];
    const endpointId = endpoint || undefined;
    const at = Number(ended);
    return [
      ...[keys.push(names.deadLetters(endpointId, hourOf(at))), delivery],
      ...[keys.push(names.oldLetters(dayOf(at))), oldDeadLetterOf(delivery, endpointId)],
    ];
  });
}
