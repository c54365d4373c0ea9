import type { Redis } from "@upstash/redis/cloudflare";
import type { TaskRecord } from "../domain/record.ts";
import type { Caller, ReadAnswer } from "../flow/caller.ts";
import type { Following } from "../flow/task-commands.ts";
import type { Context } from "./context.ts";
import { readTaskFields } from "./fields.ts";
import { keysOf } from "./keys.ts";
import { fieldsOf, named, script } from "./script.ts";

/** Reads a task and asks its next changes to be told on its channel, for a while. */
export const WATCH = script(
  "watch",
  `
local proj, task = KEYS[1], KEYS[2]
local a = named(ARGV) -- offset key secret for
local t = now(a.offset)
if a.key ~= '' then
  local no = denied(redis.call('HGET', proj, 'k:' .. a.key), a.secret, 'tasks:read', t)
  if no then return {no} end
end
local h, flat = hash(task)
if not h.status then return {'missing', ms(t)} end
if not TERMINAL[h.status] then redis.call('HSET', task, 'watch', ms(math.max(num(h.watch), t + a['for']))) end
return {'found', ms(t), flat}
`,
);

/** @param length how long changes are told, milliseconds */
export async function watch(
  context: Context,
  caller: Caller,
  id: string,
  length: number,
): Promise<ReadAnswer<{ record: TaskRecord }>> {
  const names = keysOf(caller.project);
  const [code, now, flat] = await context.quick(
    WATCH,
    [names.project, names.task(id)],
    named({ offset: context.offset, key: caller.key, secret: caller.hash, for: length }),
  );
  if (code === "unauthenticated" || code === "forbidden") return { kind: code };
  const record = readTaskFields(caller.project, id, fieldsOf(flat));
  return record ? { kind: "found", now: Number(now), record } : { kind: "missing", now: Number(now) };
}

/** Listens to a task's channel (Upstash's REST SUBSCRIBE, an event stream) until it is closed. */
export function follow(redis: Redis, project: string, id: string, onChange: () => void): Following {
  const subscriber = redis.subscribe<string>([keysOf(project).task(id)]);
  const ready = new Promise<boolean>((resolve) => {
    subscriber.on("subscribe", () => resolve(true));
    subscriber.on("error", () => resolve(false));
  });
  subscriber.on("message", onChange);
  return { ready, close: () => void subscriber.unsubscribe() };
}
