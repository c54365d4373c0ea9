import { Redis } from "ioredis";
import { dueKey, keysOf } from "../../src/adapters/redis/keys.ts";
import { makeId } from "../../src/shared/id.ts";
import { TERMINAL } from "../../src/tasks/status.ts";
import type { Books, Seen } from "./history.ts";

/* What Redis itself says, asked past the gateways. */

export function connect(url: string): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => 200, commandTimeout: 2_000 });
  redis.on("error", () => undefined); // it is killed again and again: each command tells for itself
  return redis;
}

/** A task as it stands at this moment; undefined when there is none, or Redis is away. */
export async function storedTask(redis: Redis, project: string, id: string): Promise<Seen | undefined> {
  let fields: Readonly<Record<string, string>>;
  try {
    fields = await redis.hgetall(keysOf(project).task(id));
  } catch {
    return undefined; // it was just killed: nothing is said about what it holds
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

/** How the ids of poisoned entries begin: they are as old as no other one. */
export const POISON = "del_0000";

/** Everything at which somebody still has to look; what no script understands stays for ever. */
export async function dueMembers(redis: Redis): Promise<string[]> {
  return (await redis.zrange(dueKey(0), 0, -1)).filter((member) => !member.includes(POISON));
}

/**
 * Puts two entries into the due set that no script understands: one by its name, one by what lies under its key. Both
 * are due at once.
 */
export async function poison(redis: Redis, project: string, number: number): Promise<void> {
  const id = makeId("del", number, 0, new Uint8Array(8));
  await redis.set(keysOf(project).delivery(id), "no hash");
  await redis.zadd(dueKey(0), 0, `?|${project}|${id}`, 0, `d|${project}|${id}`);
}
