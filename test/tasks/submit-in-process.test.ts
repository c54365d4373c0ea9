import { afterAll, beforeAll, describe, expect, expectTypeOf, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { ApiError, createRingback, defineTask, type Ringback } from "../../src/index.ts";
import { newProject, type Services, startServices } from "../support/stand-ins.ts";

const shout = defineTask({
  type: "text.shout",
  input: z.strictObject({ text: z.string(), at: z.optional(z.string()), n: z.optional(z.any()) }),
  urls: ({ text }) => (text.startsWith("http") ? { "/text": text } : {}),
  handler: ({ input }) => ({ text: input.text.toUpperCase() }),
});

const URL_OF_GATEWAY = "https://app.example.com/async";

let services: Services;
let gateway: Ringback;
let key = "";
const send = (path: string, init: RequestInit = {}) =>
  gateway.fetch(
    new Request(`${URL_OF_GATEWAY}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, ...init.headers },
    }),
  );

beforeAll(async () => {
  services = await startServices();
  gateway = createRingback({ tasks: [shout] })(services.variables(URL_OF_GATEWAY));
  ({ key } = await newProject(URL_OF_GATEWAY, (request) => gateway.fetch(request)));
});
afterAll(() => services?.stop());

async function refusal(work: Promise<unknown>): Promise<ApiError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApiError)) throw new Error("no ApiError", { cause: error });
  return error;
}

describe("a task that is submitted in the process", () => {
  test("is the one that HTTP answers, typed by its task type", async () => {
    const task = await gateway.submit(shout, { text: "a" }, { project: "orders", metadata: { order: "7" } });
    expectTypeOf(task.result).toEqualTypeOf<{ text: string } | undefined>();
    expect(task).toMatchObject({ type: "text.shout", status: "queued", metadata: { order: "7" } });
    expect(task.links.self).toBe(`${URL_OF_GATEWAY}/v1/tasks/${task.id}`);
    const read = await send(`/v1/tasks/${task.id}`);
    expect(await read.json()).toMatchObject({ id: task.id, createdAt: task.createdAt });
  });

  test("is published before the submit is over, or in the given context", async () => {
    const sent = vi.spyOn(globalThis, "fetch");
    onTestFinished(() => sent.mockRestore());
    const published = () =>
      sent.mock.settledResults.filter(
        ({ type }, call) =>
          type === "fulfilled" && String(sent.mock.calls[call]?.[0]).includes("/internal/run"),
      ).length;
    await gateway.submit(shout, { text: "a" }, { project: "orders", delay: "10m" });
    expect(published()).toBe(1);
    const work: Promise<unknown>[] = [];
    const ctx = { waitUntil: (one: Promise<unknown>) => void work.push(one) };
    await gateway.submit(shout, { text: "a" }, { project: "orders", delay: "10m", ctx });
    expect(work).toHaveLength(1);
    await Promise.all(work);
    expect(published()).toBe(2);
  });

  test("is one task under one idempotency key, which HTTP shares", async () => {
    const options = { project: "orders", idempotencyKey: crypto.randomUUID() };
    const first = await gateway.submit(shout, { text: "a" }, options);
    expect((await gateway.submit(shout, { text: "a" }, options)).id).toBe(first.id);
    const reused = await refusal(gateway.submit(shout, { text: "b" }, options));
    expect(reused.code).toBe("idempotency-key-reused");
    const over = await send("/v1/tasks", {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": options.idempotencyKey },
      body: JSON.stringify({ input: { text: "a" }, type: "text.shout" }),
    });
    expect(await over.json()).toMatchObject({ id: first.id });
  });

  test("is found by a project's name and by its id", async () => {
    const { project } = (await (
      await send("/v1/tasks", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ type: "text.shout", input: { text: "a" }, retries: 0 }),
      })
    ).json()) as { project?: string };
    expect(project).toBeUndefined(); // a task object names no project
    const names = await gateway.fetch(
      new Request(`${URL_OF_GATEWAY}/admin/projects`, {
        headers: { authorization: `Bearer ${gateway.config.settings.adminToken}` },
      }),
    );
    const [{ id = "" } = {}] = ((await names.json()) as { data: { id: string }[] }).data;
    expect((await gateway.submit(shout, { text: "a" }, { project: id })).status).toBe("queued");
  });
});

const circle: unknown[] = [];
circle.push(circle);
const boom = (): never => {
  throw new Error("boom");
};
function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

describe("what HTTP refuses is refused in the process", () => {
  const to = { project: "orders" };

  test.each([
    ["unknown-project", () => gateway.submit(shout, { text: "a" }, { project: "nobody" })],
    ["unknown-task-type", () => gateway.submit({ type: "no.such" }, 1, to)],
    // @ts-expect-error the input's type
    ["invalid-request", () => gateway.submit(shout, { text: 7 }, to)],
    // @ts-expect-error there is no such field
    ["invalid-request", () => gateway.submit(shout, { text: "a" }, { ...to, unknown: 1 })],
    ["invalid-request", () => gateway.submit(shout, { text: "a" }, { ...to, delay: "soon" })],
    ["invalid-request", () => gateway.submit(shout, { text: "a", n: Number.NaN }, to)],
    ["invalid-request", () => gateway.submit(shout, { text: "a", n: 7n }, to)],
    ["invalid-request", () => gateway.submit(shout, { text: "a", n: 2 ** 60 }, to)],
    ["invalid-request", () => gateway.submit(shout, { text: "a", n: circle }, to)],
    ["invalid-request", () => gateway.submit(shout, { text: "a", n: { toJSON: boom } }, to)],
    ["invalid-request", () => gateway.submit(shout, { text: "a", n: nested(100_000) }, to)],
    ["invalid-request", () => gateway.submit(shout, { text: "a", n: nested(101) }, to)],
    ["unsafe-url", () => gateway.submit(shout, { text: "http://169.254.169.254/" }, to)],
    ["unsafe-callback-url", () => gateway.submit(shout, { text: "a" }, { ...to, callbackUrl: "ftp://a" })],
    [
      "malformed-idempotency-key",
      () => gateway.submit(shout, { text: "a" }, { ...to, idempotencyKey: "\u00e4" }),
    ],
    ["payload-too-large", () => gateway.submit(shout, { text: "a".repeat(1_048_577) }, to)],
  ])("%s", async (code, submit) => {
    expect((await refusal(submit())).code).toBe(code);
  });
});
