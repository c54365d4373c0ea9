import { describe, expect, test } from "vitest";
import type { Store } from "../../src/ports/store.ts";
import type { TaskReader } from "../../src/projects/principal.ts";
import { anotherKey, NOW, open, readToken, taskRecord } from "./gateway.ts";

const record = taskRecord();
const readTask: Store["readTask"] = () =>
  Promise.resolve({ kind: "found", record, now: NOW, deliveries: [] });
const page = (visited: number): Store["listTasks"] => {
  return () => Promise.resolve({ kind: "found", positions: [], visited });
};

/** A gateway whose clock stands still unless it is moved. */
async function limited(readLimit: number, visited = 0) {
  let now = NOW;
  const store = { readTask, listTasks: page(visited) };
  const gateway = await open({ settings: { readLimit }, store, clock: () => now });
  const statuses = async (count: number, path: string, init?: RequestInit, method = "GET") => {
    const found: number[] = [];
    for (let i = 0; i < count; i++) found.push((await gateway.send(method, path, init)).status);
    return found;
  };
  return { ...gateway, statuses, pass: (length: number) => (now += length) };
}

const path = `/v1/tasks/${record.id}`;

describe("the limit of a project's reads", () => {
  test("is one second's, filled evenly, and says so when it is reached", async () => {
    const { send, statuses, pass } = await limited(4);
    expect(await statuses(5, path)).toEqual([200, 200, 200, 200, 429]);
    const refused = await send("GET", path);
    expect(await refused.json()).toMatchObject({ code: "rate-limited", status: 429 });
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(refused.headers.get("ratelimit")).toBe('"read";r=0;t=1');
    expect(refused.headers.get("ratelimit-policy")).toBe('"read";q=4;w=1');
    pass(250);
    expect(await statuses(2, path)).toEqual([200, 429]);
    pass(60_000);
    expect(await statuses(5, path)).toEqual([200, 200, 200, 200, 429]);
  });

  test("counts every way to read, and refuses none of the writes", async () => {
    const { send, submit, statuses } = await limited(5);
    const token = await readToken(record.id, NOW + 60_000);
    expect(await statuses(1, path, {}, "HEAD")).toEqual([200]);
    expect(await statuses(1, `${path}/result?token=${token}`, { headers: { authorization: "" } })).toEqual([
      202,
    ]);
    expect(await statuses(1, `${path}/events`)).toEqual([200]);
    expect(await statuses(1, "/v1/tasks")).toEqual([200]);
    expect((await send("POST", `${path}/events-token`)).status).toBe(201);
    for (const read of [path, `${path}/events`, "/v1/tasks", "/v1/deliveries", "/v1/endpoints"]) {
      expect(await statuses(1, read), read).toEqual([429]);
    }
    const link = await send("GET", `${path}/result?token=${token}`, { headers: { authorization: "" } });
    expect(link.status).toBe(429);
    expect((await submit({ type: "test.echo", input: 1 })).status).toBe(202);
    expect((await submit({ type: "test.echo", input: 1 }, { prefer: "wait=1" })).status).toBe(429);
  });

  test("takes 20 of a filtered page that visits more than 100 entries, and 1 of any other", async () => {
    const short = await limited(40, 100);
    expect(await short.statuses(21, "/v1/tasks?status=failed")).toEqual(Array(21).fill(200));
    const long = await limited(40, 101);
    expect(await long.statuses(3, "/v1/tasks?status=failed")).toEqual([200, 200, 429]);
    const unfiltered = await limited(40, 101);
    expect(await unfiltered.statuses(40, "/v1/tasks?limit=100")).toEqual(Array(40).fill(200));
  });

  test("lets a filtered page pass though the limit is lower than its cost", async () => {
    const { statuses, pass } = await limited(3, 2_000);
    expect(await statuses(2, "/v1/tasks?type=a")).toEqual([200, 429]);
    pass(1_000);
    expect(await statuses(1, "/v1/tasks?type=a")).toEqual([200]);
  });

  test.each(["unauthenticated", "forbidden"] as const)(
    "a key that is refused as %s uses up reads of its own, and none of its project's",
    async (kind) => {
      const others = [await anotherKey(1), await anotherKey(2)];
      const isOther = (caller: TaskReader) => caller.kind !== "api-key" || caller.key !== "00".repeat(16);
      const refusing = (found: Store["readTask"]): Store["readTask"] => {
        return (caller, ...rest) => (isOther(caller) ? Promise.resolve({ kind }) : found(caller, ...rest));
      };
      const gateway = await open({
        settings: { readLimit: 3 },
        clock: () => NOW,
        store: {
          readTask: refusing(readTask),
          listTasks: (caller, ...rest) =>
            isOther(caller) ? Promise.resolve({ kind }) : page(0)(caller, ...rest),
        },
      });
      const ask = async (authorization?: string, asked = path) =>
        (await gateway.send("GET", asked, authorization ? { headers: { authorization } } : {})).status;
      const refused = kind === "forbidden" ? 403 : 401;
      for (const other of others) {
        expect([await ask(other), await ask(other), await ask(other)]).toEqual(Array(3).fill(refused));
        expect([await ask(other), await ask(other, "/v1/tasks?status=failed")]).toEqual([429, 429]);
      }
      expect([await ask(), await ask(), await ask(), await ask()]).toEqual([200, 200, 200, 429]);
    },
  );

  test("what is refused for its form costs nothing", async () => {
    const { statuses } = await limited(1);
    expect(await statuses(3, "/v1/tasks?limit=x")).toEqual([400, 400, 400]);
    expect(await statuses(2, path)).toEqual([200, 429]);
  });
});
