import type { DeleteAnswer, DeleteCommand } from "../../../ports/commands/delete.ts";
import { fault } from "../../../shared/fault-point.ts";
import { CHORE_GRACE, ERASED_AT_ONCE, TOMBSTONE } from "../../../shared/limits.ts";
import type { TaskRecord } from "../../../tasks/record.ts";
import type { TerminalStatus } from "../../../tasks/status.ts";
import type { Context } from "../context.ts";
import { readTaskState } from "../fields.ts";
import { dayOf, deliveryMember, ERASED, erasureChore, hourOf, keysOf, oldDeadLetterOf } from "../keys.ts";
import { proofOf } from "../proof.ts";
import { fieldsOf, named, type ScriptReply, script } from "../script.ts";
import { pairHash } from "./search.ts";

/** Hides a task that has ended: it leaves the indexes, and its hash takes another name, which says what is left to erase. */
export const ERASE = script(
  "deleteTask",
  `
-- KEYS
--   task           hash of the task
--   project        hash of the project
--   chores         chores of the partition
--   erasing        new name of the task's hash
--   idempotency?   record of the idempotency key that made the task
--   indexes…       sets that list the task
-- ARGV
--   offset         ms added to Redis's clock
--   key, secret    id of the API key, SHA-256 of its secret
--   id             id of the task
--   sequence       its number of state changes, as the caller read it
--   chore          the task's member of the chores
--   entry          its member of the indexes
--   idempotency    place of that key in KEYS
--   indexes        place of the first index in KEYS
-- RETURNS
--   erased                  the task is hidden
--   missing, <now>          there is no such task
--   pending, <status>       it has not ended
--   changed, <now>, <task>  it has changed since; fields and values
--   unauthenticated | forbidden | unknown-project
--                           the API key is unknown, or lacks \`tasks:write\`; there is no such project
local taskKey, projectKey, choresKey, erasingKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local args = named(ARGV)
local idempotencyKey = KEYS[number(args.idempotency)]
local now = clock(args.offset)
local refusal = denied(redis.call('HGET', projectKey, proofField(args.key)), args.secret, 'tasks:write', now)
if refusal then return {refusal} end
local task = some(taskKey, {'status', 'seq'})
if not task.status then return {'missing', integer(now)} end
if not TERMINAL[task.status] then return {'pending', task.status} end
if task.seq ~= args.sequence then return {'changed', integer(now), redis.call('HGETALL', taskKey)} end
redis.call('ZADD', choresKey, integer(now + ${CHORE_GRACE}), args.chore)
for i = number(args.indexes), #KEYS do redis.call('ZREM', KEYS[i], args.entry) end
redis.call('RENAME', taskKey, erasingKey)
-- A late repetition of the accept must find that the task was here. A full database may refuse this note; it then
-- refuses the accept too.
if idempotencyKey then
  local owner = string.match(redis.call('GET', idempotencyKey) or '', '%S+$')
  if owner == args.id then redis.call('DEL', idempotencyKey) end
  if (not owner or owner == args.id) and not ${fault("no-tombstone")} then
    redis.pcall('SET', idempotencyKey, '${ERASED} ' .. args.id, 'PX', '${TOMBSTONE}')
  end
else
  pcall(keep, taskKey, '${TOMBSTONE}', {'created', '${ERASED}'})
end
return {'erased'}
`,
);

/** The remaining parts of a hidden task. */
export const ERASING = script(
  "erasing",
  `
-- KEYS
--   erasing        hash of the hidden task
-- ARGV
--   (none)
-- RETURNS
--   erasing, <run>, <deliveries>, <past>, <progress>, <bodies>, <erased>
--                           its run, four lists with commas, and how many parts are erased
--   gone                    nothing is left
local erasingKey = KEYS[1]
local left = some(erasingKey, {'run', 'dels', 'past', 'pdel', 'evs', 'erased'})
if not left.run then return {'gone'} end
return {'erasing', left.run, left.dels or '', left.past or '', left.pdel or '', left.evs or '', left.erased or '0'}
`,
);

/** How some deliveries have ended, so that their dead letters are found: status, end and endpoint of each. */
export const FATES = script(
  "fates",
  `
-- KEYS
--   deliveries…    hashes of deliveries
-- ARGV
--   (none)
-- RETURNS
--   <status>, <ended>, <endpoint>, …
--                           three texts for each
local found = {}
for i = 1, #KEYS do
  local delivery = some(KEYS[i], {'status', 'ended', 'endpoint'})
  for _, name in ipairs({'status', 'ended', 'endpoint'}) do found[#found + 1] = delivery[name] or '' end
end
return found
`,
);

/** Erases the next part of what a hidden task has left; with the last one the hash itself. */
export const ERASE_PART = script(
  "erasePart",
  `
-- KEYS
--   due            due set of the partition
--   chores         chores of the partition
--   erasing        hash of the hidden task
--   parts…         keys that are deleted
--   deadLetters…   sets of dead letters
-- ARGV
--   offset         ms added to Redis's clock
--   from, till     numbers of the parts: the first of these, the first of the next
--   last           1: nothing is left afterwards
--   keys           number of parts
--   members        number of due members
--   chore          the task's member of the chores
--   …              the due members; then per dead letter: the place of its set in KEYS, its member
-- RETURNS
--   more                    another part is left
--   done                    all is erased
--   moved                   another call has erased this part
local dueKey, choresKey, erasingKey = KEYS[1], KEYS[2], KEYS[3]
local args, rest = named(ARGV)
local left = some(erasingKey, {'run', 'erased'})
if not left.run then redis.call('ZREM', choresKey, args.chore) return {'done'} end
if (left.erased or '0') ~= args.from then return {'moved'} end
local deadLetters = rest + number(args.members)
for i = deadLetters, #ARGV, 2 do redis.call('ZREM', KEYS[number(ARGV[i])], ARGV[i + 1]) end
if number(args.keys) > 0 then redis.call('DEL', unpack(KEYS, 4, 3 + number(args.keys))) end
if number(args.members) > 0 then redis.call('ZREM', dueKey, unpack(ARGV, rest, deadLetters - 1)) end
if args.last == '' then
  redis.call('ZADD', choresKey, integer(clock(args.offset) + ${CHORE_GRACE}), args.chore)
  redis.call('HSET', erasingKey, 'erased', args.till)
  return {'more'}
end
redis.call('DEL', erasingKey)
redis.call('ZREM', choresKey, args.chore)
return {'done'}
`,
);

export async function deleteTask(context: Context, { caller, record }: DeleteCommand): Promise<DeleteAnswer> {
  const { id, project, idempotencyHash } = record;
  const names = keysOf(project);
  const keys = [names.task(id), names.project, names.chores, names.erasing(id)];
  const idempotency = idempotencyHash ? keys.push(names.idempotency(idempotencyHash)) : 0;
  const indexes = keys.length + 1;
  keys.push(...(await indexesOf(context, record)));
  const [code, now, flat] = await context.quick(
    ERASE,
    keys,
    named({
      offset: context.offset,
      ...proofOf(caller),
      id,
      sequence: record.sequence,
      chore: erasureChore(project, id),
      entry: `${id}|${record.type}`,
      idempotency,
      indexes,
    }),
  );
  switch (code) {
    case "missing":
      return { kind: code, now: Number(now) };
    case "changed": {
      const changed = readTaskState(project, id, fieldsOf(flat));
      return changed ? { kind: code, record: changed } : { kind: "missing", now: Number(now) };
    }
    case "erased":
    case "pending":
    case "unauthenticated":
    case "forbidden":
    case "unknown-project":
      return { kind: code };
    default:
      throw new Error(`deleteTask answered "${code}"`);
  }
}

/** The indexes in which a task may lie. */
async function indexesOf(
  { hashes }: Context,
  { project, createdAt, metadata }: TaskRecord,
): Promise<readonly string[]> {
  const names = keysOf(project);
  const hour = hourOf(createdAt);
  const pairs = await Promise.all(
    Object.entries(metadata).map(([name, value]) => pairHash(hashes, name, value)),
  );
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
