import { Redis } from "ioredis";
import { dueKey, keysOf } from "../../src/adapters/redis/keys.ts";
import { makeId } from "../../src/shared/id.ts";
import { TERMINAL } from "../../src/tasks/status.ts";
import type { Books, Seen } from "./history.ts";

/* Direct readings of Redis, without a gateway. */

export function connect(url: string): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => 200, commandTimeout: 2_000 });
  redis.on("error", () => undefined); // it is killed again and again: each command reports its own error
  return redis;
}

/** A task as it is now; undefined when it does not exist, or Redis is away. */
export async function storedTask(redis: Redis, project: string, id: string): Promise<Seen | undefined> {
  let fields: Readonly<Record<string, string>>;
  try {
    fields = await redis.hgetall(keysOf(project).task(id));
  } catch {
    return undefined; // it was just killed: its content is unknown
  }
  const { status } = fields;
  if (status === undefined) return undefined;
  const done = (TERMINAL as readonly string[]).includes(status);
  return { id, status, run: Number(fields.run), sequence: Number(fields.seq), done };
}

export async function booksOf(redis: Redis, project: string): Promise<Books> {
  const fields = await redis.hgetall(keysOf(project).project);
  const ended = Object.fromEntries(TERMINAL.map((status) => [status, Number(fields[`n:${status}`] ?? 0)]));
  return { project, open: Number(fields.open ?? 0), ended };
}

/** The mark of entries that the storm itself writes into Redis: their ids are older than any other. */
export const PLANTED = "_0000";

/** All entries that the gateways still have to handle. A damaged entry stays for ever. */
export async function dueMembers(redis: Redis): Promise<string[]> {
  return (await redis.zrange(dueKey(0), 0, -1)).filter((member) => !member.includes(PLANTED));
}

/** Damaged records that are planted at once; one of them is due each second. */
const RECORDS = 10;

/**
 * Puts damaged entries into the due set: one whose name names nothing, one whose key holds no hash, and some whose
 * record a script can read but nobody can parse.
 *
 * @returns how many
 */
export async function poison(redis: Redis, project: string, number: number): Promise<number> {
  const names = keysOf(project);
  const delivery = oldId("del", number);
  await redis.set(names.delivery(delivery), "no hash");
  await redis.zadd(dueKey(0), 0, `?|${project}|${delivery}`, 0, `d|${project}|${delivery}`);
  const now = Date.now();
  for (let index = 0; index < RECORDS; index += 1) {
    const task = oldId("task", number * RECORDS + index);
    const damaged = { status: "queued", run: 1, seq: 1, attempt: 0, next: 0, deadline: 9e12, opt: "{" };
    await redis.hset(names.task(task), { ...damaged, type: "storm.damaged" });
    await redis.zadd(dueKey(0), now + 1_000 * index, `t|${project}|${task}`);
  }
  return 2 + RECORDS;
}

/** How many entries of a neighbour are due at once: a hundred times what one step of a sweep takes. */
const CROWD = 10_000;

/** Lets a neighbour have very many entries that are due now, of tasks that are gone: one crowd. */
export async function crowd(redis: Redis): Promise<number> {
  const neighbour = oldId("prj", 1);
  const now = Date.now();
  const entries = Array.from({ length: CROWD }, (_, number) => [
    now,
    `t|${neighbour}|${oldId("task", number)}`,
  ]);
  await redis.zadd(dueKey(0), ...entries.flat());
  return 1;
}

function oldId(prefix: "del" | "task" | "prj", number: number): string {
  return makeId(prefix, number, 0, new Uint8Array(8));
}
