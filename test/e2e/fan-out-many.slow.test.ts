import { expect } from "vitest";
import { newProject } from "../support/client.ts";
import { echoing, register } from "../support/endpoints.ts";
import { test } from "../support/fixture.ts";
import { QUICK } from "../support/shared-stack.ts";
import { startGateway } from "../support/stack.ts";

const ENDPOINTS = 200;

test("one event reaches 200 endpoints, and its callback does not wait for them", async ({
  stack,
  receiver,
}) => {
  const env = { ...QUICK, RINGBACK_MAX_ENDPOINTS: `${ENDPOINTS}` };
  const gateway = await startGateway(stack.runtime, stack.backing, { env });
  try {
    const client = await newProject(gateway, `many-${crypto.randomUUID()}`);
    const inbox = receiver.open(echoing());
    for (let i = 0; i < ENDPOINTS; i++) {
      const { id } = await register(client, { url: inbox.url, events: ["task.succeeded"] });
      const verified = await client.send("POST", `/v1/endpoints/${id}/verify`);
      expect(verified.status).toBe(200);
    }
    const callback = receiver.open();
    const task = { type: "diagnostics.echo", input: "x", callbackUrl: callback.url };
    const { id } = await client.submit({ ...task, callbackEvents: ["task.succeeded"] });
    const [first] = await callback.wait(1);
    const received = await inbox.wait(2 * ENDPOINTS, 60_000);
    const events = received.filter(({ body }) => body.includes('"task.succeeded"'));
    expect(events).toHaveLength(ENDPOINTS);
    expect(new Set(events.map(({ body }) => body))).toEqual(new Set([first?.body]));
    expect(new Set(events.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    const earlier = events.filter(({ at }) => at < (first?.at ?? 0));
    expect(earlier.length).toBeLessThan(ENDPOINTS / 2);
    const deliveries = await client.deliveries(id);
    expect(deliveries).toHaveLength(ENDPOINTS + 1);
  } finally {
    await gateway.running.stop();
  }
}, 180_000);
