import { beforeAll, describe, expect, inject } from "vitest";
import * as z from "zod";
import { type Client, eventually, newProject } from "../support/client.ts";
import { page, type Task, task as taskShape } from "../support/contract.ts";
import { test } from "../support/fixture.ts";

const admin = () => ({ authorization: `Bearer ${inject("stack").gateway.adminToken}` });
const settings = z.object({
  id: z.string(),
  name: z.string(),
  searchable: z.array(z.string()),
  rateLimit: z.nullable(z.int()),
  maxOpen: z.nullable(z.int()),
  requireIdempotencyKey: z.boolean(),
});

/** A client in a project of its own, and that project's id. */
async function project(): Promise<{ client: Client; id: string }> {
  const { gateway } = inject("stack");
  const name = `e2e-${crypto.randomUUID()}`;
  const client = await newProject(gateway, name);
  const reply = await client.send("GET", "/admin/projects", { headers: admin() });
  const { data } = z
    .object({ data: z.array(z.object({ id: z.string(), name: z.string() })) })
    .parse(reply.json());
  return { client, id: data.find((one) => one.name === name)?.id ?? "" };
}

/** The whole list, page by page, each page's `Link` followed. */
async function listed(client: Client, query: string): Promise<Task[]> {
  const all: Task[] = [];
  let path: string | undefined = `/v1/tasks?${query}`;
  while (path) {
    const reply = await client.send("GET", path);
    if (reply.status !== 200) throw new Error(`${reply.status}: ${reply.text}`);
    const { data, nextCursor } = page(taskShape).parse(reply.json());
    all.push(...data);
    const link: string | undefined = /^<([^>]+)>; rel="next"$/.exec(reply.headers.get("link") ?? "")?.[1];
    expect(link === undefined).toBe(nextCursor === null);
    path = link;
  }
  return all;
}

describe("GET /v1/tasks", () => {
  const cast: Record<string, string> = {};
  let client: Client;
  let id: string;
  beforeAll(async () => {
    ({ client, id } = await project());
    const limits = { searchable: ["orderId", "region"] };
    const limited = await client.send("PATCH", `/admin/projects/${id}`, { headers: admin(), body: limits });
    expect(limited.status).toBe(200);
    const flaky = (failures: number, rest: object = {}) => ({
      type: "diagnostics.flaky",
      input: { failures },
      retries: 0,
      ...rest,
    });
    const metadata = { orderId: "o 1&2", region: "nörd" };
    cast["fine"] = (await client.submit({ type: "diagnostics.echo", input: 1, metadata })).id;
    cast["failed"] = (await client.submit(flaky(1, { metadata }))).id;
    cast["later"] = (await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" })).id;
    cast["canceled"] = (await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" })).id;
    await client.send("POST", `/v1/tasks/${cast["canceled"]}/cancel`);
    await client.ended(cast["fine"]);
    await client.ended(cast["failed"]);
  });
  const names = async (query: string) =>
    (await listed(client, query)).map(({ id: one }) => Object.keys(cast).find((name) => cast[name] === one));

  test("?status=", async () => {
    expect(await names("status=succeeded")).toEqual(["fine"]);
    expect(await names("status=failed")).toEqual(["failed"]);
    expect(await names("status=canceled")).toEqual(["canceled"]);
    expect(await names("status=scheduled")).toEqual(["later"]);
    for (const status of ["queued", "running", "waiting", "expired"]) {
      expect(await names(`status=${status}`)).toEqual([]);
    }
  });

  test("?type=", async () => {
    expect(await names("type=diagnostics.flaky")).toEqual(["failed"]);
    expect(await names("type=diagnostics.echo&limit=1")).toEqual(["canceled", "later", "fine"]);
    expect(await names("type=no.such")).toEqual([]);
  });

  test("?metadata[key]=, more than one, and together with others", async () => {
    const order = `metadata[orderId]=${encodeURIComponent("o 1&2")}`;
    expect(await names(`${order}&limit=1`)).toEqual(["failed", "fine"]);
    expect(await names(`${order}&metadata%5Bregion%5D=n%C3%B6rd`)).toEqual(["failed", "fine"]);
    expect(await names(`${order}&metadata[region]=south`)).toEqual([]);
    expect(await names(`${order}&status=failed`)).toEqual(["failed"]);
    expect(await names(`${order}&status=succeeded&type=diagnostics.echo`)).toEqual(["fine"]);
  });

  test("?createdAfter= and ?createdBefore=", async () => {
    const all = await listed(client, "limit=2");
    expect(all.map((task) => task.id)).toEqual(
      ["canceled", "later", "failed", "fine"].map((name) => cast[name]),
    );
    const failed = all[2]?.createdAt ?? "";
    expect(await names(`createdAfter=${failed}`)).toEqual(["canceled", "later"]);
    expect(await names(`createdBefore=${failed}`)).toEqual(["fine"]);
    const withOffset = encodeURIComponent(failed.replace("Z", "+00:00"));
    expect(await names(`createdBefore=${withOffset}`)).toEqual(["fine"]);
  });

  test("a metadata key that is not named searchable: 422 metadata-not-searchable", async () => {
    const reply = await client.send("GET", "/v1/tasks?metadata[color]=red");
    expect(reply.problem()).toMatchObject({ status: 422, code: "metadata-not-searchable" });
    expect(reply.problem().detail).toContain("orderId, region");
  });

  test.each([
    "status=done",
    "createdAfter=yesterday",
    "metadata=x",
    "metadata[orderId]=1&metadata[orderId]=2",
    "color[a]=1",
    "typ=x",
    "limit=0",
    "cursor=nonsense",
  ])("?%s is malformed", async (query) => {
    const reply = await client.send("GET", `/v1/tasks?${query}`);
    expect(reply.problem()).toMatchObject({ status: 400, code: "malformed-parameter" });
  });
});

describe("stable cursors", () => {
  test("a walk sees each task once while tasks are added", async () => {
    const { client } = await project();
    const submit = () => client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
    const made: string[] = [];
    for (let n = 0; n < 7; n++) made.push((await submit()).id);
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const reply = await client.send("GET", `/v1/tasks?status=scheduled&limit=2${query}`);
      const { data, nextCursor } = page(taskShape).parse(reply.json());
      seen.push(...data.map(({ id }) => id));
      cursor = nextCursor ?? null;
      await submit();
    }
    expect(seen).toEqual(made.toReversed());
  });
});

describe("PATCH /admin/projects/{id}", () => {
  test("sets what is given and leaves the rest; null is what the deployment says", async () => {
    const { client, id } = await project();
    const patch = async (body: object) => {
      const reply = await client.send("PATCH", `/admin/projects/${id}`, { headers: admin(), body });
      expect(reply.status).toBe(200);
      return settings.parse(reply.json());
    };
    expect(await patch({ rateLimit: 3 })).toMatchObject({ id, searchable: [], rateLimit: 3, maxOpen: null });
    expect(await patch({ searchable: ["a.b"], maxOpen: 2 })).toMatchObject({
      searchable: ["a.b"],
      rateLimit: 3,
      maxOpen: 2,
    });
    expect(await patch({ maxOpen: null })).toMatchObject({
      rateLimit: 3,
      maxOpen: null,
      requireIdempotencyKey: false,
    });
    expect(await patch({ requireIdempotencyKey: true })).toMatchObject({
      rateLimit: 3,
      requireIdempotencyKey: true,
    });
    expect(await patch({ rateLimit: 4 })).toMatchObject({ rateLimit: 4, requireIdempotencyKey: true });
  });

  test("its own rate and quota hold for the project, and are told", async () => {
    const { client, id } = await project();
    const limits = { rateLimit: 3, maxOpen: 2 };
    await client.send("PATCH", `/admin/projects/${id}`, { headers: admin(), body: limits });
    const body = { type: "diagnostics.echo", input: 1, delay: "1h" };
    const first = await client.send("POST", "/v1/tasks", { body });
    expect(first.headers.get("ratelimit-policy")).toBe('"default";q=3;w=1');
    const refused = await eventually(async () => {
      const reply = await client.send("POST", "/v1/tasks", { body });
      if (reply.status === 202) throw new Error("let in");
      return reply;
    });
    expect(refused.problem()).toMatchObject({ status: 429, code: "quota-exceeded" });
    expect(refused.headers.get("ratelimit")).toMatch(/^"default";r=\d;t=\d, "open";r=0$/);
    expect(refused.headers.get("ratelimit-policy")).toBe(
      '"default";q=3;w=1, "open";q=2;qu="concurrent-requests"',
    );
  });

  test.each([
    { searchable: ["a", "b", "c", "d", "e", "f"] },
    { searchable: ["a", "a"] },
    { searchable: ["with,comma"] },
    { rateLimit: 0 },
    { maxOpen: 1.5 },
    { requireIdempotencyKey: "true" },
    { requireIdempotencyKey: null },
    { name: "another" },
  ])("refuses %j", async (body) => {
    const { client, id } = await project();
    const reply = await client.send("PATCH", `/admin/projects/${id}`, { headers: admin(), body });
    expect(reply.problem()).toMatchObject({ status: 422, code: "invalid-request" });
  });

  test("takes the admin token alone, and a project that exists", async () => {
    const { client, id } = await project();
    const body = { rateLimit: 1 };
    expect((await client.send("PATCH", `/admin/projects/${id}`, { body })).status).toBe(401);
    const none = "/admin/projects/prj_01jdn1k2m3e4f5g6h7j8k9m0n1";
    const reply = await client.send("PATCH", none, { headers: admin(), body });
    expect(reply.problem()).toMatchObject({ status: 404, code: "not-found" });
  });
});
