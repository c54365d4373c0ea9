import { describe, expect } from "vitest";
import { type Client, newProject } from "../support/client.ts";
import { echoing, patch, register, test } from "../support/endpoints.ts";
import { Receiver } from "../support/receiver.ts";
import type { SharedStack } from "../support/shared-stack.ts";

const SECRET = "Bearer s3cret";
const HEADERS = { Authorization: SECRET, "X-Api-Key": "k-1", "X-Shop": "4711" };
const SHOWN = { authorization: "***", "x-api-key": "***", "x-shop": "4711" };

/** Keys of one project: one that may change endpoints alone, and one that may also read secrets. */
async function keys(stack: SharedStack): Promise<{ writer: Client; reader: Client }> {
  const name = `headers-${crypto.randomUUID()}`;
  const scopes = ["tasks:write", "tasks:read", "endpoints:write", "endpoints:read"];
  return {
    writer: await newProject(stack.gateway, name, scopes),
    reader: await newProject(stack.gateway, name, [...scopes, "secrets:read"]),
  };
}

async function elsewhere(work: (receiver: Receiver) => Promise<void>): Promise<void> {
  const receiver = await Receiver.start();
  try {
    await work(receiver);
  } finally {
    await receiver.stop();
  }
}

describe("an endpoint's headers stay at the origin that they were given for", () => {
  test("a key that may not read secrets moves the endpoint, and its new receiver gets none of them", async ({
    stack,
    receiver,
  }) => {
    const { writer, reader } = await keys(stack);
    const { id } = await register(reader, { url: receiver.open(echoing()).url, headers: HEADERS });
    await elsewhere(async (attacker) => {
      const inbox = attacker.open(echoing());
      const moved = await patch(writer, id, { url: inbox.url });
      expect(moved.headers).toEqual({});
      expect(moved["droppedHeaders"]).toEqual(["authorization", "x-api-key", "x-shop"]);
      expect((await writer.send("POST", `/v1/endpoints/${id}/verify`)).status).toBe(200);
      await writer.send("POST", `/v1/endpoints/${id}/test`);
      await writer.submit({ type: "diagnostics.echo", input: "x" });
      const all = JSON.stringify(await inbox.wait(3));
      for (const value of [SECRET, "k-1", "4711"]) expect(all).not.toContain(value);
      // Nor do they come back with the old address.
      const back = await patch(writer, id, { url: receiver.open(echoing()).url });
      expect(back.headers).toEqual({});
    });
  });

  test("nor by values that it sends along, by *** in any case, or in two requests", async ({
    stack,
    receiver,
  }) => {
    const { writer, reader } = await keys(stack);
    const { url } = receiver.open(echoing());
    const { id } = await register(reader, { url, headers: HEADERS });
    const path = `/v1/endpoints/${id}`;
    await elsewhere(async (attacker) => {
      const other = attacker.open(echoing()).url;
      for (const client of [writer, reader]) {
        for (const [name, value] of [
          ["authorization", "***"],
          ["AUTHORIZATION", "***"],
          ["X-Shop", "***"],
          ["X-New", " *** "],
        ] as const) {
          const reply = await client.send("PATCH", path, {
            body: { url: other, headers: { [name]: value } },
          });
          expect(reply.problem(), name).toMatchObject({
            status: 422,
            code: "invalid-request",
            errors: [{ pointer: `#/headers/${name}` }],
          });
        }
      }
      expect(await patch(reader, id, {})).toMatchObject({ url, headers: SHOWN });
      await patch(writer, id, { headers: { authorization: "***" } });
      const moved = await patch(writer, id, { url: other, headers: { Authorization: "Bearer guess" } });
      expect(moved).toMatchObject({ headers: {}, droppedHeaders: ["authorization", "x-api-key", "x-shop"] });
    });
  });

  test("a key that may read secrets takes those along whose values it sends", async ({ stack, receiver }) => {
    const { reader } = await keys(stack);
    const { id } = await register(reader, { url: receiver.open(echoing()).url, headers: HEADERS });
    await elsewhere(async (next) => {
      const inbox = next.open(echoing());
      const headers = { AUTHORIZATION: SECRET, "x-new": "1", "x-shop": null };
      const moved = await patch(reader, id, { url: inbox.url, headers });
      expect(moved).toMatchObject({
        headers: { authorization: "***", "x-new": "1" },
        droppedHeaders: ["x-api-key", "x-shop"],
      });
      await reader.send("POST", `/v1/endpoints/${id}/verify`);
      const [received] = await inbox.wait(1);
      expect(received?.headers).toMatchObject({ authorization: SECRET, "x-new": "1" });
      expect(received?.headers).not.toHaveProperty("x-api-key");
    });
  });

  test("another path, or the same origin written otherwise, keeps them; another port or scheme does not", async ({
    stack,
    receiver,
  }) => {
    const { writer, reader } = await keys(stack);
    const { url } = receiver.open(echoing());
    const { id } = await register(reader, { url, headers: HEADERS });
    for (const same of [
      `${url}/more?a=b`,
      url.replace("http:", "HTTP:"),
      url.replace("127.0.0.1", "127.1"),
    ]) {
      const kept = await patch(writer, id, { url: same });
      expect(kept.headers, same).toEqual(SHOWN);
      expect(kept).not.toHaveProperty("droppedHeaders");
    }
    for (const other of [
      url.replace("http:", "https:"),
      "http://localhost:1/hooks",
      "http://127.0.0.1:1/hooks",
    ]) {
      const { id: one } = await register(reader, { url, headers: HEADERS });
      expect((await patch(writer, one, { disabled: true, url: other })).headers, other).toEqual({});
    }
  });

  test("*** means unchanged where there is a value, and is refused where there is none", async ({
    stack,
    receiver,
  }) => {
    const { writer, reader } = await keys(stack);
    const inbox = receiver.open(echoing());
    const none = await reader.send("POST", "/v1/endpoints", {
      body: { url: inbox.url, headers: { Authorization: "***" } },
    });
    expect(none.problem()).toMatchObject({ status: 422, errors: [{ pointer: "#/headers/Authorization" }] });
    const { id } = await register(reader, { url: inbox.url, headers: HEADERS });
    const { url, events, headers } = await patch(writer, id, {});
    // What GET showed, sent back as it was.
    const back = await patch(writer, id, { url, events, headers: { ...headers, "X-Shop": "***" } });
    expect(back.headers).toEqual(SHOWN);
    const unknown = await writer.send("PATCH", `/v1/endpoints/${id}`, {
      body: { headers: { "x-none": "***" } },
    });
    expect(unknown.problem()).toMatchObject({ status: 422, errors: [{ pointer: "#/headers/x-none" }] });
    await reader.send("POST", `/v1/endpoints/${id}/verify`);
    const [received] = await inbox.wait(1);
    expect(received?.headers).toMatchObject({ authorization: SECRET, "x-api-key": "k-1", "x-shop": "4711" });
  });
});
