import { beforeAll, describe, expect, inject } from "vitest";
import * as z from "zod";
import { Client, eventually, newProject, type Reply } from "../support/client.ts";
import { test } from "../support/fixture.ts";

const page = z.object({
  data: z.array(z.looseObject({ id: z.string(), project: z.optional(z.string()) })),
  nextCursor: z.nullable(z.string()),
});

const stats = z.strictObject({
  now: z.iso.datetime({ precision: 3 }),
  tasks: z.strictObject({
    open: z.int(),
    scheduled: z.int(),
    queued: z.int(),
    running: z.int(),
    waiting: z.int(),
    exact: z.boolean(),
  }),
  oldestWaitingAt: z.optional(z.string()),
  totals: z.record(z.string(), z.int()),
  deliveries: z.strictObject({ dead: z.int() }),
  series: z.array(z.looseObject({ at: z.iso.datetime({ precision: 3 }), accepted: z.int() })),
  lastSweepAt: z.optional(z.string()),
});

const echo = { type: "diagnostics.echo", input: 1 };
const later = { ...echo, delay: "1h" };

/** The bearer of the admin token, in a project where one is named. */
function admin(project?: string) {
  const { gateway } = inject("stack");
  const client = new Client(gateway);
  const headers = {
    authorization: `Bearer ${gateway.adminToken}`,
    ...(project !== undefined && { "ringback-project": project }),
  };
  return (method: string, path: string, body?: unknown): Promise<Reply> =>
    client.send(method, path, { headers, ...(body !== undefined && { body }) });
}

describe("the admin token with Ringback-Project", () => {
  const name = `ünd so: ${crypto.randomUUID()}`;
  let client: Client;
  let id: string;
  let task: string;
  beforeAll(async () => {
    client = await newProject(inject("stack").gateway, name);
    task = (await client.submit(later)).id;
    const projects = page.parse((await admin()("GET", "/admin/projects")).json());
    id = projects.data.find((one) => one["name"] === name)?.id ?? "";
  });

  test("does what a key of every scope may, by the project's id or its name", async () => {
    for (const project of [id, encodeURIComponent(name)]) {
      const send = admin(project);
      expect((await send("GET", `/v1/tasks/${task}`)).status).toBe(200);
      expect((await send("GET", "/v1/signing-secret")).status).toBe(200);
      const made = await send("POST", "/v1/tasks", later);
      expect(made.status).toBe(202);
      expect((await client.task(z.object({ id: z.string() }).parse(made.json()).id)).status).toBe(
        "scheduled",
      );
      expect(page.parse((await send("GET", "/v1/tasks")).json()).data.map((one) => one.id)).toContain(task);
      expect((await send("GET", "/v1/endpoints")).status).toBe(200);
      expect((await send("POST", "/v1/tasks/batch", { tasks: [later] })).status).toBe(202);
    }
  });

  test("sees nothing of other projects", async () => {
    const other = await newProject(inject("stack").gateway, `e2e-${crypto.randomUUID()}`);
    const foreign = (await other.submit(later)).id;
    expect((await admin(id)("GET", `/v1/tasks/${foreign}`)).problem().code).toBe("not-found");
  });

  test("is told that an unknown project is not there, by every route", async () => {
    for (const project of ["prj_01kawtzq4je0a8yqh3n5v6w7x8", "no%20such%20project"]) {
      const send = admin(project);
      for (const [method, path, body] of [
        ["GET", "/v1/tasks"],
        ["GET", `/v1/tasks/${task}`],
        ["POST", "/v1/tasks", echo],
        ["POST", "/v1/tasks/batch", { tasks: [echo] }],
        ["POST", `/v1/tasks/${task}/cancel`],
        ["POST", `/v1/tasks/${task}/replay`],
        ["DELETE", `/v1/tasks/${task}`],
        ["GET", `/v1/tasks/${task}/events`],
        ["GET", `/v1/tasks/${task}/result`],
        ["GET", "/v1/deliveries"],
        ["GET", "/v1/endpoints"],
        ["GET", "/v1/signing-secret"],
        ["GET", "/v1/stats"],
      ] as const) {
        const reply = await send(method, path, body);
        expect(`${method} ${path} ${reply.problem().code}`).toBe(`${method} ${path} not-found`);
      }
    }
    expect((await admin("50%")("GET", "/v1/tasks")).problem().code).toBe("malformed-parameter");
  });

  test("without it only lists and figures answer, and another token none", async () => {
    for (const [method, path, body] of [
      ["POST", "/v1/tasks", echo],
      ["GET", `/v1/tasks/${task}`],
      ["POST", `/v1/tasks/${task}/cancel`],
      ["GET", `/v1/deliveries?taskId=${task}`],
      ["GET", "/v1/signing-secret"],
    ] as const) {
      const reply = await admin()(method, path, body);
      expect(reply.problem()).toMatchObject({ status: 400, code: "project-required" });
    }
    const wrong = await new Client(inject("stack").gateway).send("GET", "/v1/tasks", {
      headers: { authorization: `Bearer ${inject("stack").gateway.adminToken}x`, "ringback-project": id },
    });
    expect(wrong.problem().code).toBe("unauthenticated");
  });

  test("a key keeps to its own project with any value of the header", async () => {
    const other = await newProject(inject("stack").gateway, `e2e-${crypto.randomUUID()}`);
    const reply = await other.send("GET", `/v1/tasks/${task}`, { headers: { "ringback-project": id } });
    expect(reply.problem().code).toBe("not-found");
  });

  test("lists walk over all projects, one after the other, each task once", async () => {
    const other = await newProject(inject("stack").gateway, `e2e-${crypto.randomUUID()}`);
    for (let number = 0; number < 4; number++) await other.submit(later);
    const own = page.parse((await other.send("GET", "/v1/tasks?limit=100")).json()).data;
    const [first] = own;
    if (!first) throw new Error("a project of four tasks lists none");
    const short = page.parse((await admin()("GET", "/v1/tasks?limit=3")).json());
    expect(short.data.length).toBeLessThanOrEqual(3);
    expect(short.nextCursor).not.toBeNull();
    const seen: { readonly id: string; readonly project?: string | undefined }[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const query: string = `limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
      const { data, nextCursor } = page.parse((await admin()("GET", `/v1/tasks?${query}`)).json());
      seen.push(...data);
      cursor = nextCursor;
    }
    const ids = seen.map((one) => one.id);
    expect(new Set(ids).size).toBe(ids.length);
    const itsProject = seen.find((one) => one.id === first.id)?.project;
    expect(seen.filter((one) => one.project === itsProject).map((one) => one.id)).toEqual(
      own.map((one) => one.id),
    );
    // One project after the other: none comes twice.
    const order = seen.map(({ project }) => project).filter((one, index, all) => one !== all[index - 1]);
    expect(new Set(order).size).toBe(order.length);
    expect((await admin()("GET", "/v1/endpoints")).status).toBe(200);
    expect((await admin()("GET", "/v1/deliveries")).status).toBe(200);
    expect((await admin()("GET", "/v1/tasks?cursor=nonsense")).problem().code).toBe("malformed-parameter");
  });

  test("the timeline names who canceled", async () => {
    const { id: canceled } = await client.submit(later);
    expect((await admin(id)("POST", `/v1/tasks/${canceled}/cancel`)).status).toBe(200);
    expect((await client.timeline(canceled)).at(-1)).toMatchObject({
      type: "task.canceled",
      actor: "admin",
    });
  });
});

describe("GET /v1/stats", () => {
  test("counts a project's tasks: what is open, what has ended, and when", async () => {
    const client = await newProject(inject("stack").gateway, `e2e-${crypto.randomUUID()}`);
    const done = await client.submit(echo);
    const failed = await client.submit({
      type: "diagnostics.flaky",
      input: { failures: 1 },
      retries: 0,
    });
    await client.submit(later);
    const canceled = await client.submit(later);
    await client.send("POST", `/v1/tasks/${canceled.id}/cancel`);
    await client.ended(done.id);
    await client.ended(failed.id);
    const read = async (query = "") => stats.parse((await client.send("GET", `/v1/stats${query}`)).json());
    const now = await read();
    expect(now.tasks).toEqual({ open: 1, scheduled: 1, queued: 0, running: 0, waiting: 0, exact: true });
    expect(now.totals).toEqual({ accepted: 4, succeeded: 1, failed: 1, canceled: 1, expired: 0 });
    expect(now.series).toHaveLength(24);
    const sum = (name: string) => now.series.reduce((total, one) => total + Number(one[name]), 0);
    expect(["accepted", "succeeded", "failed", "canceled", "expired", "dead"].map(sum)).toEqual([
      4, 1, 1, 1, 0, 0,
    ]);
    expect(now.series.at(-1)?.at.endsWith(":00:00.000Z")).toBe(true);
    const days = await read("?since=7d&step=1d");
    expect(days.series).toHaveLength(7);
    expect(days.series.at(-1)?.at.endsWith("T00:00:00.000Z")).toBe(true);
    await client.send("POST", `/v1/tasks/${failed.id}/replay`);
    await client.ended(failed.id);
    expect((await read()).totals).toMatchObject({ accepted: 4, failed: 2 });
  });

  test("refuses a span that has no index, an unknown step, and a key without tasks:read", async ({
    client,
    stack,
  }) => {
    for (const query of ["since=63d", "since=soon", "since=0s", "step=1m", "since=1d&since=2d"]) {
      expect((await client.send("GET", `/v1/stats?${query}`)).problem().code, query).toBe(
        "malformed-parameter",
      );
    }
    const writer = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`, ["tasks:write"]);
    expect((await writer.send("GET", "/v1/stats")).problem().code).toBe("forbidden");
  });

  test("of all projects is at least that of one", async ({ client }) => {
    await client.submit(later);
    const own = stats.parse((await client.send("GET", "/v1/stats")).json());
    const all = stats.parse((await admin()("GET", "/v1/stats")).json());
    expect(all.totals["accepted"]).toBeGreaterThanOrEqual(own.totals["accepted"] ?? 0);
    expect(all.tasks.open).toBeGreaterThanOrEqual(own.tasks.open);
    const { open, scheduled, queued, running, waiting } = all.tasks;
    expect(scheduled + queued + running + waiting).toBe(open);
  });
});

describe("GET /metrics", () => {
  test("needs the admin token", async ({ client }) => {
    expect((await client.send("GET", "/metrics")).problem().code).toBe("unauthenticated");
    expect((await new Client(inject("stack").gateway).send("GET", "/metrics")).status).toBe(401);
  });

  test("has the figures of each project, as Prometheus and as OpenMetrics reads them", async ({ stack }) => {
    const name = `quote " back \\ ${crypto.randomUUID()}`;
    const client = await newProject(stack.gateway, name);
    await client.submit(later);
    const label = name.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
    await eventually(
      async () => {
        const reply = await admin()("GET", "/metrics");
        expect(reply.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
        expect(reply.text).toContain(`ringback_tasks_open{project="${label}"} 1\n`);
        expect(reply.text.endsWith("# EOF\n")).toBe(true);
      },
      { timeoutMs: 20_000, everyMs: 1_000 }, // it is kept for 15 seconds
    );
    const open = await new Client(stack.gateway).send("GET", "/metrics", {
      headers: {
        authorization: `Bearer ${stack.gateway.adminToken}`,
        accept: "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5",
      },
    });
    expect(open.headers.get("content-type")).toContain("application/openmetrics-text; version=1.0.0");
    expect(open.text).toContain("# TYPE ringback_tasks counter\n");
    expect(open.text).toContain(`ringback_tasks_total{project="${label}",status="accepted"} 1\n`);
  });
});
