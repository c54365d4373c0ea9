import { describe, expect, test } from "vitest";
import type { Store } from "../../src/ports/store.ts";
import { NOW, open, taskRecord, taskToken } from "./gateway.ts";

const record = taskRecord({ status: "running", attempt: 1, startedAt: NOW });
const path = `/v1/tasks/${record.id}`;
const store: Partial<Store> = {
  readTask: () => Promise.resolve({ kind: "found", now: NOW, record, deliveries: [] }),
  readConfig: () => Promise.resolve({ kind: "found", config: { version: 1, json: "{}" }, now: NOW }),
  end: () => Promise.resolve({ kind: "ended", now: NOW, sequence: 2, nextAt: NOW, held: new Map() }),
};

/** A body whose sender goes away in the middle of it; the runtimes' errors for it differ. */
function broken(error: Error): RequestInit & { readonly duplex: "half" } {
  let pieces = 0;
  return {
    duplex: "half",
    body: new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        if (pieces++ === 0) controller.enqueue(new TextEncoder().encode('{"type":'));
        else controller.error(error);
      },
    }),
  };
}

const errors = [
  new TypeError("Cannot read body"),
  new Error("Network connection lost."),
  new RangeError("EOF"),
];

/** Announced by its length, or by nothing. */
const lengths = [{}, { "content-length": "100" }];

describe("a body that breaks off is the sender's fault, and no line of the log is an error", () => {
  test.each([
    ["POST", "/v1/tasks", 400, "malformed-json"],
    ["POST", "/v1/tasks/batch", 400, "malformed-json"],
    ["POST", "/v1/tasks/cancel", 400, "malformed-json"],
    ["PATCH", "/v1/signing-secret", 400, "malformed-json"],
    ["POST", "/v1/complete/:token", 400, "malformed-json"],
    ["POST", "/internal/run", 401, "invalid-signature"],
    ["POST", "/internal/sweep", 401, "invalid-signature"],
    ["POST", `${path}/cancel`, 200, undefined], // it takes no body
  ] as const)("%s %s", async (method, to, status, code) => {
    const token = await taskToken({ task: record.id, run: 1, attempt: 1, expiresAt: NOW + 60_000 });
    for (const headers of lengths) {
      for (const error of errors) {
        const gateway = await open({ store, signed: true });
        const answer = await gateway.send(method, to.replace(":token", token), {
          ...broken(error),
          headers: { "content-type": "application/json", ...headers },
        });
        const { code: given } = await answer.json();
        expect([answer.status, given]).toEqual([status, code]);
        expect(gateway.logged.filter((line) => Array.isArray(line) && line[0] === "error")).toEqual([]);
      }
    }
  });
});
