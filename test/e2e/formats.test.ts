import { describe, expect } from "vitest";
import * as z from "zod";
import { test, verifiedEndpoint } from "../support/endpoints.ts";
import { verified } from "../support/receiver.ts";

const cloudEvent = z.strictObject({
  specversion: z.literal("1.0"),
  id: z.string().startsWith("evt_"),
  source: z.url(),
  type: z.string(),
  subject: z.string().startsWith("task_"),
  time: z.iso.datetime(),
  datacontenttype: z.literal("application/json"),
  data: z.looseObject({ id: z.string(), sequence: z.int(), run: z.int() }),
});

describe("an endpoint's format", () => {
  test("full: the whole task with its result; thin: what tells whether to look; cloudevents: structured mode", async ({
    own,
    receiver,
  }) => {
    const [full, thin, cloud] = [
      await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] }),
      await verifiedEndpoint(own, receiver, { events: ["task.succeeded"], format: "thin" }),
      await verifiedEndpoint(own, receiver, { events: ["task.succeeded"], format: "cloudevents" }),
    ];
    const { id } = await own.submit({
      type: "diagnostics.echo",
      input: { n: 1 },
      metadata: { orderId: "o" },
    });
    const [whole] = await full.inbox.wait(1);
    expect(whole?.headers["content-type"]).toBe("application/json");
    const event = verified(whole, full.secret);
    expect(event.data).toMatchObject({
      id,
      run: 1,
      sequence: 3,
      result: { n: 1 },
      metadata: { orderId: "o" },
    });

    const [small] = await thin.inbox.wait(1);
    expect(small?.headers["content-type"]).toBe("application/json");
    expect(small?.headers["webhook-id"]).toBe(whole?.headers["webhook-id"]);
    expect(JSON.parse(small?.body ?? "")).toEqual({
      type: event.type,
      timestamp: event.timestamp,
      data: {
        id,
        type: "diagnostics.echo",
        status: "succeeded",
        done: true,
        run: 1,
        sequence: 3,
        project: event.data.project,
        links: event.data.links,
      },
    });

    const [structured] = await cloud.inbox.wait(1);
    expect(structured?.headers["content-type"]).toBe("application/cloudevents+json");
    const ce = cloudEvent.parse(JSON.parse(structured?.body ?? ""));
    expect(ce).toMatchObject({
      id: structured?.headers["webhook-id"],
      source: own.url,
      type: "task.succeeded",
      subject: id,
      time: event.timestamp,
    });
    expect(ce.data).toEqual(event.data);
  });

  test("a result over 64 KiB is linked, in every format that would hold it", async ({ own, receiver }) => {
    const [full, cloud] = [
      await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] }),
      await verifiedEndpoint(own, receiver, { events: ["task.succeeded"], format: "cloudevents" }),
    ];
    const input = "y".repeat(70_000);
    await own.submit({ type: "diagnostics.echo", input });
    for (const { inbox } of [full, cloud]) {
      const [received] = await inbox.wait(1);
      expect(received?.body.length).toBeLessThan(4_000);
      const { data } = JSON.parse(received?.body ?? "") as {
        data: { resultOmitted: boolean; links: { result: string } };
      };
      expect(data.resultOmitted).toBe(true);
      expect(await (await fetch(data.links.result)).json()).toBe(input);
    }
  });

  test("every attempt and every repetition has the body that was frozen", async ({ own, receiver }) => {
    const wanted = { events: ["task.succeeded"], format: "cloudevents" };
    const one = await verifiedEndpoint(own, receiver, wanted, [{ status: 500 }, { status: 200 }]);
    await verifiedEndpoint(own, receiver, wanted);
    await own.submit({ type: "diagnostics.echo", input: 1 });
    const received = await one.inbox.wait(2, 20_000);
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    expect(received.map(({ headers }) => headers["content-type"])).toEqual(
      Array(2).fill("application/cloudevents+json"),
    );
  });
});

test("every event has a schema in the API document", async ({ own }) => {
  const { webhooks } = z
    .object({ webhooks: z.record(z.string(), z.unknown()) })
    .parse((await own.send("GET", "/openapi.json")).json());
  expect(Object.keys(webhooks).sort()).toEqual([
    "batch.completed",
    "delivery.dead",
    "endpoint.disabled",
    "endpoint.test",
    "endpoint.verification",
    "task.canceled",
    "task.expired",
    "task.failed",
    "task.progress",
    "task.started",
    "task.succeeded",
    "task.waiting",
  ]);
});
