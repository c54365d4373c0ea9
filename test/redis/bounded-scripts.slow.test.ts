import { beforeAll, describe, expect, test } from "vitest";
import { hourOf, keysOf } from "../../src/adapters/redis/keys.ts";
import { ReplyError } from "../../src/local/engine.ts";
import { TASK_CHANGES, TASK_DELIVERIES } from "../../src/shared/limits.ts";
import { KINDS } from "../local/redis-stand-in.ts";
import { expectWithinBounds } from "./bounds.ts";
import { everyScript } from "./every-script.ts";
import { startObserved } from "./observed-engine.ts";
import { ON_THE_WAY, SITUATIONS } from "./situations/index.ts";
import { newEndpoint, type Stage } from "./situations/stage.ts";
import { freshProject } from "./store-fixture.ts";

/** Entries of every key; the embedded engine's sets take longer to fill than to read. */
const ENTRIES = { real: 100_000, embedded: 5_000 } as const;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test("every script is held to a bound", async () => {
  const known = [...Object.keys(SITUATIONS), ...Object.keys(ON_THE_WAY)].sort();
  expect(known).toEqual([...(await everyScript()).keys()].sort());
});

describe.each(KINDS)("among many thousands of entries of every key on the %s engine", async (kind) => {
  const { standIn, observed: watched, store } = await startObserved(kind);
  const stage: Stage = {
    store,
    caller: await freshProject(store),
    endpoint: newEndpoint(),
    type: `limited.${crypto.randomUUID()}`,
  };

  const redis = async (...words: string[]) => {
    const reply = await standIn.engine.call(words);
    if (reply instanceof ReplyError) throw new Error(`${words[0]} ${words[1]}: ${reply.message}`);
    return reply;
  };

  /** So many pairs of words for one command, 2,500 pairs at a time. */
  async function fill(command: string, key: string, pair: (n: number) => readonly [string, string]) {
    for (let from = 0; from < ENTRIES[kind]; from += 2_500) {
      const pairs = Array.from({ length: 2_500 }, (_, index) => pair(from + index));
      await redis(command, key, ...pairs.flat());
    }
  }

  beforeAll(async () => {
    const { project } = stage.caller;
    const names = keysOf(project);
    const now = Date.now();
    const hour = hourOf(now);
    const start = hour * HOUR;
    const day = Math.floor(now / DAY);
    const at = (n: number) => `${start + (n % HOUR)}`;
    const unknown = (n: number) => `task_${String(n).padStart(26, "0")}`;
    await store.limitProject(project, { rateLimit: 100_000, searchable: ["orderId"] }, crypto.randomUUID());
    await fill("ZADD", names.due, (n) => [`${n + 1}`, `t|${project}|${unknown(n)}`]);
    await fill("ZADD", names.chores, (n) => [`${n + 1}`, `k|prj_${n}`]);
    await fill("ZADD", names.running(stage.type), (n) => [`${n + 1}`, `t|${project}|${unknown(n)}`]);
    await fill("ZADD", names.starts(stage.type), (n) => [`${n + 1}`, `lease-${n}`]);
    await fill("ZADD", names.hours, (n) => [`${hour - n}`, `${hour - n}`]);
    await fill("ZADD", names.lateHours, (n) => [`${hour - n}`, `${hour - n}`]);
    await fill("ZADD", names.index(hour), (n) => [at(n), `${unknown(n)}|diagnostics.echo`]);
    for (const status of ["failed", "canceled", "expired"])
      await fill("ZADD", names.ending(hour, status), (n) => [at(n), `${unknown(n)}|diagnostics.echo`]);
    await fill("ZADD", names.deadLetters(stage.endpoint, hour), (n) => [at(n), `del_${n}`]);
    await fill("ZADD", names.deadLetters(undefined, hour), (n) => [at(n), `del_${n}`]);
    for (let back = 0; back < 10; back++)
      await redis(
        "ZADD",
        names.deadLetters(stage.endpoint, hour - 1 - back),
        `${start - back * HOUR - 1}`,
        "del_old",
      );
    await fill("ZADD", names.oldLetters(day), (n) => [`${day * DAY + n}`, `del_${n}|ep_other`]);
    await fill("ZADD", names.circuits, (n) => [`${now - 1_000_000 + n}`, `b:https://r${n}.example`]);
    await fill("HSET", names.project, (n) => [`b:https://r${n}.example`, `1 ${now} 0 0 -`]);
    await fill("HSET", names.project, (n) => [
      `k:${n.toString(16).padStart(32, "0")}`,
      `${"ab".repeat(32)} ${n % 2 === 0 ? 1 : now + DAY} admin 1 key ${n}`,
    ]);
    await fill("HSET", "rb1:dir", (n) => [`project ${n}`, `prj_${n}`]);
    watched.taken();
  }, 240_000);

  const expectBounded = (ran: string): void => expectWithinBounds(watched, ran);

  const cases = Object.entries(SITUATIONS).flatMap(([script, situations]) =>
    Object.entries(situations).map(([name, prepare]) => ({ script, name, prepare })),
  );

  test.for(cases)("$script, $name: does little", { timeout: 60_000 }, async ({ script, prepare }) => {
    const run = await prepare(stage);
    await run();
    expectBounded(script);
  });

  test("a task with as long a history as there may be is read, moved and erased in parts", {
    timeout: 60_000,
  }, async () => {
    const names = keysOf(stage.caller.project);
    const prepared = await SITUATIONS["replay"]?.["under a key"]?.(stage);
    await prepared?.();
    const { positions } = await listed();
    const id = positions[0]?.id ?? "";
    await redis("HSET", names.task(id), "status", "failed");
    const entries = Array.from({ length: TASK_CHANGES }, (_, n) => [
      `l:${n + 10}`,
      "1 1 task.started worker ",
    ]);
    await redis("HSET", names.task(id), ...entries.flat());
    const deliveries = Array.from(
      { length: TASK_DELIVERIES },
      (_, n) => `del_${String(n).padStart(26, "0")}`,
    );
    await redis("HSET", names.task(id), "past", deliveries.join(","));
    for (const delivery of deliveries)
      await redis(
        "HSET",
        names.delivery(delivery),
        "status",
        "dead",
        "ended",
        "5",
        "endpoint",
        stage.endpoint,
      );
    watched.taken();
    const found = await store.readTask(stage.caller, id);
    if (found.kind !== "found") throw new Error(found.kind);
    expect(await store.deleteTask({ caller: stage.caller, record: found.record })).toEqual({
      kind: "erased",
    });
    expect((await store.readTask(stage.caller, id)).kind).toBe("missing");
    let parts = 1;
    while (await store.erasePart(stage.caller.project, id)) parts++;
    expect(parts).toBeGreaterThanOrEqual(TASK_DELIVERIES / 500);
    expectBounded("erasePart");
    for (const delivery of [deliveries[0], deliveries.at(-1)])
      expect(String(await redis("EXISTS", names.delivery(delivery ?? "")))).toBe("0");
    expect(String(await redis("EXISTS", names.erasing(id)))).toBe("0");
  });

  async function listed() {
    const page = await store.listTasks(stage.caller, undefined, 1, { type: stage.type });
    if (page.kind !== "found") throw new Error(page.kind);
    return page;
  }

  test("every dead letter is met once, page by page", { timeout: 120_000 }, async () => {
    const { caller, endpoint: endpointId } = stage;
    const query = { caller, endpointId, since: Date.now() - DAY, until: Date.now() + HOUR, most: 1_000 };
    let page = await store.listDeadLetters(query);
    if (page.kind !== "found") throw new Error(page.kind);
    const { count } = page;
    expect(count).toBeGreaterThanOrEqual(ENTRIES[kind]);
    const ids = new Set<string>();
    let met = 0;
    while (page.kind === "found") {
      for (const { id, at } of page.deadLetters) ids.add(`${id} ${at}`);
      met += page.deadLetters.length;
      if (!page.next) break;
      page = await store.listDeadLetters({ ...query, after: page.next });
    }
    expect([met, ids.size]).toEqual([count, count]);
    expectBounded("listDeadLetters");
  });

  test("expired API keys go a hundred at a time, the others stay", { timeout: 120_000 }, async () => {
    const { project } = stage.caller;
    const before = Number(await redis("HLEN", keysOf(project).project));
    let gone = 0;
    for (let sweep = 0; sweep < 40; sweep++) {
      const purged = await store.purgeKeys(project, 100);
      expect(purged).toBeLessThanOrEqual(100);
      gone += purged;
    }
    expect(gone).toBeGreaterThan(500);
    const after = Number(await redis("HLEN", keysOf(project).project));
    expect(before - after).toBeGreaterThanOrEqual(gone - 1);
    expectBounded("purge");
    expect((await store.readConfig(stage.caller, "admin")).kind).toBe("found");
  });
});
