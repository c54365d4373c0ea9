import { describe, expect } from "vitest";
import * as z from "zod";
import { Client, eventually } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { type Claims, sign } from "../support/qstash-signature.ts";

const ready = z.object({ sweep: z.object({ lastAt: z.string() }) });

const PATHS = ["/internal/run", "/internal/deliver", "/internal/sweep"] as const;

describe("/internal/* is the queue's alone: a call that it did not sign is 401 and changes nothing", () => {
  for (const path of PATHS) {
    test(path, async ({ stack, client, receiver }) => {
      const inbox = receiver.open([{ status: 500, headers: { "retry-after": "3600" } }]);
      const scheduled = await client.submit({ type: "diagnostics.echo", input: 1, delay: "10d" });
      const called = await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl: inbox.url });
      await inbox.wait(1);
      await client.ended(called.id);
      const { project } = JSON.parse(inbox.received[0]?.body ?? "").data;
      const [delivery] = await client.deliveries(called.id);
      const message = {
        "/internal/run": { v: 1, project, task: scheduled.id, run: 1, attempt: 1 },
        "/internal/deliver": { v: 1, project, delivery: delivery?.id, attempt: 2 },
        "/internal/sweep": {},
      }[path];
      const body = JSON.stringify(message);
      const subject = stack.gateway.url + path;
      const key = stack.backing.qstash.currentSigningKey;
      const before = [await client.task(scheduled.id), await client.deliveries(called.id)];

      const forged: Record<string, Record<string, string>> = {
        "no signature": {},
        "an empty one": { "upstash-signature": "" },
        garbage: { "upstash-signature": "a.b.c" },
        "an API key instead": { authorization: client.authorization },
        "the QStash token instead": { authorization: `Bearer ${stack.backing.qstash.token}` },
      };
      const wrong: Record<string, Partial<Claims>> = {
        "another key": { key: "sig_somebody_elses" },
        "another path": { subject: `${stack.gateway.url}/internal/other` },
        "another host": { subject: `https://elsewhere.example.com${path}` },
        "another body": { body: `${body} ` },
        "another issuer": { issuer: "Downstash" },
        "long expired": { expiresIn: -60 },
        "no expiry": { expiresIn: null },
        "another algorithm": { algorithm: "HS512" },
      };
      for (const [what, claims] of Object.entries(wrong)) {
        forged[what] = { "upstash-signature": await sign({ key, subject, body, ...claims }) };
      }
      for (const other of PATHS.filter((one) => one !== path)) {
        const signature = await sign({ key, subject: stack.gateway.url + other, body });
        forged[`replayed from ${other}`] = { "upstash-signature": signature };
      }
      const outsider = new Client(stack.gateway);
      for (const [what, headers] of Object.entries(forged)) {
        const reply = await outsider.send("POST", path, { body, headers });
        expect(reply.status, what).toBe(401);
        expect(reply.problem().status, what).toBe(401);
      }
      expect([await client.task(scheduled.id), await client.deliveries(called.id)]).toEqual(before);
      expect(inbox.received).toHaveLength(1);

      // The same call, rightly signed, by the current key or the next, is let in: the refusals above were for the signature.
      for (const right of [key, stack.backing.qstash.nextSigningKey]) {
        const headers = { "upstash-signature": await sign({ key: right, subject, body }) };
        const reply = await outsider.send("POST", path, { body, headers });
        expect(reply.status).toBeLessThan(600);
        expect(reply.status).not.toBe(401);
      }
    });
  }

  test("the sweep takes an empty body too, and is seen in /readyz", async ({ stack }) => {
    const outsider = new Client(stack.gateway);
    const began = Date.now();
    const subject = `${stack.gateway.url}/internal/sweep`;
    const key = stack.backing.qstash.currentSigningKey;
    const headers = { "upstash-signature": await sign({ key, subject, body: "" }) };
    expect((await outsider.send("POST", "/internal/sweep", { headers })).status).toBe(200);
    await eventually(async () => {
      const { sweep } = ready.parse((await outsider.send("GET", "/readyz")).json());
      expect(Date.parse(sweep.lastAt)).toBeGreaterThan(began - 1_000);
    });
  });

  test("a signed message about nothing is answered 200, so that the queue forgets it", async ({ stack }) => {
    const project = "prj_01jdn1k2m3e4f5g6h7j8k9m0n1";
    const stale = {
      "/internal/run": { v: 1, project, task: "task_01jdn1k2m3e4f5g6h7j8k9m0n1", run: 1, attempt: 1 },
      "/internal/deliver": { v: 1, project, delivery: "del_01jdn1k2m3e4f5g6h7j8k9m0n1", attempt: 1 },
    };
    for (const [path, message] of Object.entries(stale)) {
      const body = JSON.stringify(message);
      const signature = await sign({
        key: stack.backing.qstash.currentSigningKey,
        subject: stack.gateway.url + path,
        body,
      });
      const reply = await new Client(stack.gateway).send("POST", path, {
        body,
        headers: { "upstash-signature": signature },
      });
      expect(reply.status, path).toBe(200);
    }
  });

  test("a signed message that comes twice, late or early does its work once", async ({
    stack,
    client,
    receiver,
  }) => {
    const inbox = receiver.open();
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl: inbox.url });
    await client.settled(id);
    const { project } = JSON.parse(inbox.received[0]?.body ?? "").data;
    const early = await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
    const send = async (task: string): Promise<number> => {
      const body = JSON.stringify({ v: 1, project, task, run: 1, attempt: 1 });
      const subject = `${stack.gateway.url}/internal/run`;
      const signature = await sign({ key: stack.backing.qstash.currentSigningKey, subject, body });
      const headers = { "upstash-signature": signature };
      return (await new Client(stack.gateway).send("POST", "/internal/run", { body, headers })).status;
    };
    expect(await Promise.all([send(id), send(id)])).toEqual([200, 200]);
    expect(await send(early.id)).toBe(503);
    expect(inbox.received).toHaveLength(1);
    expect((await client.timeline(id)).filter((item) => item.type === "task.started")).toHaveLength(1);
    expect((await client.task(early.id)).attempt).toBe(0);
  });
});
