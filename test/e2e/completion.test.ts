import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { Client, eventually } from "../support/client.ts";
import { sweeping as test } from "../support/fixture.ts";
import { verified } from "../support/receiver.ts";
import { handOn, reached, replicateWebhook, reportAll, sweepNow } from "../support/waiting.ts";

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

describe("heartbeat", () => {
  test("answers whether to stop and until when, and each starts the clock anew; progress counts as one", async ({
    client,
    receiver,
    stack,
  }) => {
    const { id, bearer } = await handOn(client, receiver, { heartbeatTimeout: "5s", retries: 0 });
    const { deadlineAt } = await reached(client, id, "waiting");
    for (const [name, body] of [
      ["heartbeat", undefined],
      ["progress", { percent: 12.5, message: "halfway to a quarter" }],
      ["heartbeat", undefined],
    ] as const) {
      await sleep(3_000);
      const reply = await bearer.send("POST", `/v1/tasks/${id}/${name}`, body === undefined ? {} : { body });
      expect([reply.status, reply.json()]).toEqual([200, { cancelRequested: false, deadlineAt }]);
      await sweepNow(stack);
    }
    const task = await client.task(id);
    expect(task).toMatchObject({
      status: "waiting",
      progress: { percent: 12.5, message: "halfway to a quarter" },
    });
    expect(task.sequence).toBe(3);
  });

  test("missed: a failed attempt, retried by its budget, at last failed with heartbeat-timeout", async ({
    client,
    receiver,
    stack,
  }) => {
    const { id, bearer, next } = await handOn(client, receiver, { heartbeatTimeout: "1s", retries: 1 });
    await reached(client, id, "waiting");
    await sleep(1_200);
    await eventually(async () => {
      await sweepNow(stack);
      expect(await client.task(id)).toMatchObject({ attempt: 1, error: { code: "heartbeat-timeout" } });
    });
    await next();
    expect((await bearer.send("POST", `/v1/tasks/${id}/heartbeat`)).problem().code).toBe("task-token-stale");
    await reached(client, id, "waiting");
    await sleep(1_200);
    await eventually(async () => {
      await sweepNow(stack);
      expect(await client.task(id)).toMatchObject({
        status: "failed",
        attempt: 2,
        error: { code: "heartbeat-timeout" },
      });
    });
  });

  test("the handler may ask for one itself: wait({ heartbeat })", async ({ client, receiver, stack }) => {
    const { id } = await handOn(client, receiver, {
      input: { heartbeat: 1_000 },
      heartbeatTimeout: "1h",
      retries: 0,
    });
    await reached(client, id, "waiting");
    await sleep(1_200);
    await eventually(async () => {
      await sweepNow(stack);
      expect(await client.task(id)).toMatchObject({ status: "failed", error: { code: "heartbeat-timeout" } });
    });
  });
});

describe("the completion URL", () => {
  test("takes a webhook of Replicate's as the result, once, however often it is sent", async ({
    client,
    receiver,
    secret,
  }) => {
    const inbox = receiver.open();
    const { id, completionUrl } = await handOn(client, receiver, { callbackUrl: inbox.url });
    const prediction = {
      id: "gm3qorzdhgbfurvjtvhg6dckhu",
      status: "succeeded",
      output: ["https://replicate.delivery/x.png"],
    };
    expect(await replicateWebhook(completionUrl, prediction)).toEqual([200]);
    expect(await replicateWebhook(completionUrl, { ...prediction, status: "canceled" })).toEqual([200]);
    expect(await client.task(id)).toMatchObject({ status: "succeeded", result: prediction });
    await inbox.wait(1);
    await sleep(500);
    expect(inbox.received).toHaveLength(1);
    expect(verified(inbox.received[0], secret).data.result).toEqual(prediction);
  });

  test("two at once: both are answered 200, and one of them is the result", async ({ client, receiver }) => {
    const { id, completionUrl } = await handOn(client, receiver);
    const replies = await Promise.all(
      [1, 2, 3, 4].map(async (body) => {
        const response = await fetch(completionUrl, { method: "POST", body: `${body}` });
        return { body, status: response.status, json: await response.json() };
      }),
    );
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const taken = replies.filter(({ json }) => (json as { accepted: boolean }).accepted);
    expect(taken).toHaveLength(1);
    expect((await client.task(id)).result).toBe(taken[0]?.body);
  });

  for (const [what, body, result] of [
    ["a list", "[1, 2]", [1, 2]],
    ["a text", '"done"', "done"],
    ["null", "null", null],
    ["a number in a form that is not ours", "1e3", 1_000],
    ["the text of an integer beyond 2^53", '{"id": 9007199254740993}', '{"id": 9007199254740993}'],
    ["the text of a number beyond all", "[1e400]", "[1e400]"],
    ["the text of 101 levels", nested(101), nested(101)],
    ["the text of 7,000 levels", nested(7_000), nested(7_000)],
    ["the text of a member named __proto__", '{"a":{"__proto__":1}}', '{"a":{"__proto__":1}}'],
    ["100 levels", nested(100), JSON.parse(nested(100))],
  ] as const) {
    test(`any JSON is the result: ${what}`, async ({ client, receiver }) => {
      const { id, completionUrl } = await handOn(client, receiver);
      const response = await fetch(completionUrl, {
        method: "POST",
        headers: { "content-type": "text/plain" },
        body,
      });
      expect([response.status, await response.json()]).toEqual([200, { accepted: true }]);
      expect((await client.task(id)).result).toEqual(result);
    });
  }

  test("an empty body is no result", async ({ client, receiver }) => {
    const { id, completionUrl } = await handOn(client, receiver);
    expect((await fetch(completionUrl, { method: "POST" })).status).toBe(200);
    expect((await client.send("GET", `/v1/tasks/${id}/result`)).status).toBe(204);
  });

  test("what is no JSON is refused, and the task waits on", async ({ client, receiver }) => {
    const { id, completionUrl } = await handOn(client, receiver);
    const reply = await new Client(client).send("POST", new URL(completionUrl).pathname, { body: "{oops" });
    expect(reply.problem()).toMatchObject({ status: 400, code: "malformed-json" });
    expect((await client.task(id)).done).toBe(false);
  });
});

describe("a forged token", () => {
  test("is refused with 401 by header and 404 in a URL, whatever of it was changed", async ({
    client,
    receiver,
  }) => {
    const { id, token, completionUrl } = await handOn(client, receiver);
    const other = await handOn(client, receiver);
    const changed = token.slice(0, 40) + (token[40] === "A" ? "B" : "A") + token.slice(41);
    for (const forged of [changed, token.slice(0, -6), `${token}A`, "rbt_", "x", other.token]) {
      for (const [name, reply] of Object.entries(await reportAll(new Client(client, forged), id))) {
        expect(reply.problem(), `${name} ${forged}`).toMatchObject({ status: 401, code: "unauthenticated" });
        expect(reply.headers.get("www-authenticate")).toContain("invalid_token");
      }
    }
    for (const forged of [changed, `${token}A`, "rbt_", "x"]) {
      const path = new URL(completionUrl).pathname.replace(token, forged);
      const reply = await new Client(client).send("POST", path, { body: "1" });
      expect(reply.problem(), path).toMatchObject({ status: 404, code: "not-found" });
    }
    expect((await client.send("POST", `/v1/tasks/${id}/heartbeat`)).problem().status).toBe(401);
    expect((await new Client(client).send("POST", `/v1/tasks/${id}/heartbeat`)).problem().status).toBe(401);
    expect((await client.task(id)).done).toBe(false);
  });

  test("a genuine one is no API key: it reads nothing and cancels nothing", async ({ client, receiver }) => {
    const { id, bearer } = await handOn(client, receiver);
    for (const [method, path] of [
      ["GET", `/v1/tasks/${id}`],
      ["GET", "/v1/tasks"],
      ["POST", `/v1/tasks/${id}/cancel`],
      ["DELETE", `/v1/tasks/${id}`],
    ] as const) {
      expect((await bearer.send(method, path)).problem(), path).toMatchObject({ status: 401 });
    }
  });
});
