import { describe, expect } from "vitest";
import { test } from "../support/fixture.ts";

/** These differ from one request to the next, or are asserted apart. */
const OF_THE_CONNECTION = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "date",
  "x-request-id",
]);

describe("HEAD", () => {
  test("has the headers of GET, with the length of its body", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: { text: "漢".repeat(1_000) } });
    await client.ended(id);
    const paths = [
      `/v1/tasks/${id}`,
      `/v1/tasks/${id}/result`,
      `/v1/tasks/${id}/events`,
      "/v1/endpoints",
      "/v1/tasks/nothing",
      "/healthz",
      "/nothing",
      "/docs",
    ];
    for (const path of paths) {
      const ask = (method: string) =>
        fetch(client.url + path, {
          method,
          headers: { authorization: client.authorization, "accept-encoding": "identity" },
        });
      const [get, head] = [await ask("GET"), await ask("HEAD")];
      const { byteLength } = await get.arrayBuffer();
      const shown = ({ status, headers }: Response) => ({
        status,
        headers: [...headers].filter(([name]) => !OF_THE_CONNECTION.has(name)),
      });
      expect(shown(head), path).toEqual(shown(get));
      expect([null, `${byteLength}`], path).toContain(head.headers.get("content-length"));
      if (get.status === 200) expect(head.headers.get("content-length"), path).not.toBe("0");
      expect(await head.text()).toBe("");
    }
  });

  test("of a stream says no length", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
    const head = await fetch(`${client.url}/v1/tasks/${id}/events`, {
      method: "HEAD",
      headers: { authorization: client.authorization, accept: "text/event-stream" },
    });
    expect(head.status).toBe(200);
    expect(head.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(head.headers.get("content-length")).toBeNull();
  });
});
