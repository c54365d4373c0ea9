import { describe, expect } from "vitest";
import * as z from "zod";
import { newProject } from "../support/client.ts";
import { problem, task as taskShape } from "../support/contract.ts";
import { test } from "../support/fixture.ts";
import { announce } from "../support/raw.ts";
import { verified } from "../support/receiver.ts";

const outcomes = z.object({
  data: z.array(
    z.object({
      status: z.int(),
      task: z.optional(taskShape),
      replayed: z.optional(z.literal(true)),
      problem: z.optional(problem),
    }),
  ),
});

const echo = (input: unknown, rest: object = {}) => ({ type: "diagnostics.echo", input, ...rest });

describe("POST /v1/tasks/batch", () => {
  test("100 tasks in one request: each accepted, run and called back, in order", async ({
    client,
    receiver,
    secret,
  }) => {
    const inbox = receiver.open();
    const tasks = Array.from({ length: 100 }, (_, n) => echo(n, { callbackUrl: inbox.url }));
    const reply = await client.send("POST", "/v1/tasks/batch", { body: { tasks } });
    expect(reply.status).toBe(202);
    expect(reply.headers.get("ratelimit")).toMatch(/^"default";r=\d+;t=\d+$/);
    const { data } = outcomes.parse(reply.json());
    expect(data.map(({ status }) => status)).toEqual(tasks.map(() => 202));
    const ids = data.map(({ task }) => task?.id ?? "");
    expect(new Set(ids).size).toBe(100);
    const callbacks = await inbox.wait(100, 40_000);
    const results = new Map(
      callbacks.map((callback) => {
        const { data: ended } = verified(callback, secret);
        return [ended.id, ended.result];
      }),
    );
    expect(ids.map((id) => results.get(id))).toEqual(tasks.map(({ input }) => input));
  });

  test("each item is accepted or refused on its own, with its place in the batch", async ({ client }) => {
    const reply = await client.send("POST", "/v1/tasks/batch", {
      body: {
        tasks: [
          echo("good"),
          { type: "no.such", input: 1 },
          { type: "diagnostics.echo" },
          echo(1, { callbackUrl: "http://169.254.169.254/latest" }),
          "not even an object",
          echo("also good", { metadata: { n: "5" } }),
          echo(1, { delay: "1s", notBefore: "2027-01-01T00:00:00Z" }),
          echo(1, { idempotencyKey: "no spaces" }),
        ],
      },
    });
    expect(reply.status).toBe(202);
    const { data } = outcomes.parse(reply.json());
    expect(data.map(({ status }) => status)).toEqual([202, 422, 422, 422, 422, 202, 422, 400]);
    expect(data.map((item) => item.problem?.code)).toEqual([
      undefined,
      "unknown-task-type",
      "invalid-request",
      "unsafe-callback-url",
      "invalid-request",
      undefined,
      "invalid-request",
      "malformed-idempotency-key",
    ]);
    expect(data[2]?.problem?.errors?.[0]?.pointer).toBe("#/tasks/2/input");
    expect(data[3]?.problem?.errors?.[0]?.pointer).toBe("#/tasks/3/callbackUrl");
    expect(data[5]?.task?.metadata).toEqual({ n: "5" });
    for (const { task } of data.filter(({ status }) => status === 202)) {
      expect((await client.ended(task?.id ?? "")).status).toBe("succeeded");
    }
  });

  test("422 when none is accepted, with each one's reason", async ({ client }) => {
    const reply = await client.send("POST", "/v1/tasks/batch", {
      body: { tasks: [{ type: "no.such", input: 1 }, {}] },
    });
    expect(reply.problem()).toMatchObject({ status: 422, code: "nothing-accepted" });
    const { data } = outcomes.parse(reply.json());
    expect(data.map((item) => item.problem?.code)).toEqual(["unknown-task-type", "invalid-request"]);
  });

  test("an item's key is a submit's: alone or in a batch, it is one task", async ({ client }) => {
    const [single, fresh] = [crypto.randomUUID(), crypto.randomUUID()];
    const first = await client.submit(echo("alone"), { "idempotency-key": `"${single}"` });
    const body = {
      tasks: [
        echo("alone", { idempotencyKey: single }),
        echo("new", { idempotencyKey: fresh }),
        echo("new", { idempotencyKey: fresh }),
        echo("other", { idempotencyKey: fresh }),
      ],
    };
    const { data } = outcomes.parse((await client.send("POST", "/v1/tasks/batch", { body })).json());
    expect(data.map(({ status, replayed }) => [status, replayed])).toEqual([
      [202, true],
      [202, undefined],
      [202, true],
      [422, undefined],
    ]);
    expect(data[0]?.task?.id).toBe(first.id);
    expect(data[2]?.task?.id).toBe(data[1]?.task?.id);
    expect(data[3]?.problem?.code).toBe("idempotency-key-reused");
    const again = await client.submit(echo("new"), { "idempotency-key": fresh });
    expect(again.id).toBe(data[1]?.task?.id);
  });

  test("the batch's own Idempotency-Key stands for items without one", async ({ client }) => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const body = { tasks: [echo("a"), echo("b", { idempotencyKey: crypto.randomUUID() }), echo("c")] };
    const ids = async () =>
      outcomes
        .parse((await client.send("POST", "/v1/tasks/batch", { body, headers })).json())
        .data.map(({ task }) => task?.id);
    const first = await ids();
    expect(await ids()).toEqual(first);
    expect(new Set(first).size).toBe(3);
    const other = await client.send("POST", "/v1/tasks/batch", { body: { tasks: [echo("z")] }, headers });
    expect(other.problem().code).toBe("nothing-accepted");
  });

  test("more than one body's size, but not more than four; and no item larger than a body", async ({
    client,
  }) => {
    const large = (size: number) => echo("x".repeat(size));
    const good = await client.send("POST", "/v1/tasks/batch", {
      body: { tasks: [large(900_000), large(900_000), large(900_000), large(1_100_000)] },
    });
    const { data } = outcomes.parse(good.json());
    expect(data.map(({ status }) => status)).toEqual([202, 202, 202, 413]);
    const huge = await announce(client, "/v1/tasks/batch", 4 * 1_048_576 + 1);
    expect(huge.status).toBe(413);
    expect(huge.text).toContain('"payload-too-large"');
  });

  test("0 or 101 tasks, or what is no batch, is refused as a whole", async ({ client }) => {
    for (const body of [{ tasks: [] }, { tasks: Array.from({ length: 101 }, () => echo(1)) }, {}, []]) {
      const reply = await client.send("POST", "/v1/tasks/batch", { body });
      expect(reply.problem().code).toBe("invalid-request");
    }
  });

  test("a key that may not submit is refused as a whole", async ({ stack }) => {
    const reader = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`, ["tasks:read"]);
    const reply = await reader.send("POST", "/v1/tasks/batch", { body: { tasks: [echo(1)] } });
    expect(reply.problem()).toMatchObject({ status: 403, code: "forbidden" });
  });

  test("a key that may only submit is shown what it submitted before", async ({ stack }) => {
    const writer = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`, ["tasks:write"]);
    const body = { tasks: [echo(1, { idempotencyKey: "once" })] };
    const [first, second] = [
      outcomes.parse((await writer.send("POST", "/v1/tasks/batch", { body })).json()),
      outcomes.parse((await writer.send("POST", "/v1/tasks/batch", { body })).json()),
    ];
    expect(second.data[0]).toMatchObject({ replayed: true, task: { id: first.data[0]?.task?.id } });
    const alone = await writer.submit(echo(1), { "idempotency-key": "once" });
    expect(alone.id).toBe(first.data[0]?.task?.id);
  });
});
