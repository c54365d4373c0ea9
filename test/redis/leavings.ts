import { isTerminal, type StoredStatus } from "../../src/tasks/status.ts";

type Redis = (...words: string[]) => Promise<string[]>;

/** What is looked at: a project's keys, and the members of the due set. */
interface Look {
  readonly redis: Redis;
  readonly project: string;
  readonly prefix: string;
  readonly due: ReadonlySet<string>;
}

/** What is wrong with what a project, and a limited type of tasks, have left in Redis. */
export async function faultsIn(redis: Redis, project: string, type: string): Promise<string[]> {
  const prefix = `rb1:000:${project}:`;
  const due = new Set(await redis("ZRANGE", "rb1:000:due", "0", "-1"));
  const look = { redis, project, prefix, due };
  const own = await redis("KEYS", `${prefix}*`);
  const limited = await redis("KEYS", `rb1:000:*:${type}`);
  const found = await Promise.all(own.map(async (key) => ({ key, fault: await faultOf(look, key) })));
  for (const key of limited) if (await isKept(look, key)) found.push({ key, fault: "stays for ever" });
  return found.flatMap(({ key, fault }) => (fault === undefined ? [] : [`${key} ${fault}`]));
}

async function isKept({ redis }: Look, key: string): Promise<boolean> {
  return Number(await redis("PTTL", key)) < 0;
}

async function faultOf(look: Look, key: string): Promise<string | undefined> {
  const [name = "", id = "", part] = key.slice(look.prefix.length).split(":");
  if (["proj", "cfg", "hours", "parked"].includes(name)) return undefined;
  const stays = await isKept(look, key);
  if (name === "d") return deliveryFault(look, id, stays);
  if (name === "b") return batchFault(look, id, stays);
  if (name !== "t") return stays ? "stays for ever" : undefined;
  const [status = "", parked, type] = await look.redis(
    "HMGET",
    `${look.prefix}t:${id}`,
    "status",
    "parked",
    "type",
  );
  const isEnded = status === "" || isTerminal(status as StoredStatus);
  if (part !== undefined) return stays && isEnded ? "stays for ever" : undefined;
  if (parked === "1" && (await look.redis("ZSCORE", `${look.prefix}parked`, `${type}|${id}`))[0] === "")
    return "is held by a pause, and no resume would find it";
  if (!isEnded && !look.due.has(`t|${look.project}|${id}`)) return "has no due entry";
  return isEnded === stays ? `is ${status} and ${stays ? "stays" : "goes"}` : undefined;
}

async function batchFault({ redis, prefix, project, due }: Look, id: string, stays: boolean) {
  const fields = await redis("HGETALL", `${prefix}b:${id}`);
  const batch = new Map(fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] ?? ""]] : [])));
  const isCompleted = batch.get("status") === "completed";
  if (!isCompleted && !due.has(`b|${project}|${id}`)) return "has no due entry";
  if (isCompleted === stays) return `is ${batch.get("status")} and ${stays ? "stays" : "goes"}`;
  const ends = [...batch].flatMap(([name, end]) => (name.startsWith("t:") ? [end] : []));
  const left = ends.filter((end) => end === "").length;
  const counted = `${batch.get("left")} of ${batch.get("total")}`;
  return counted === `${left} of ${ends.length}`
    ? undefined
    : `counts ${counted} and has ${left} of ${ends.length}`;
}

async function deliveryFault(look: Look, id: string, stays: boolean): Promise<string | undefined> {
  const { redis, prefix, project, due } = look;
  const [status, task = "", type = ""] = await redis("HMGET", `${prefix}d:${id}`, "status", "task", "type");
  const isPending = status === "pending";
  if (isPending && !due.has(`d|${project}|${id}`)) return "has no due entry";
  if (isPending !== stays) return `is ${status} and ${stays ? "stays" : "goes"}`;
  const [moved, ...owned] = await redis("HMGET", `${prefix}t:${task}`, "type", "dels", "past", "pdel");
  const isTold = !type.startsWith("task.") || !moved || owned.join(",").includes(id);
  return isTold ? undefined : "tells of what did not happen";
}
