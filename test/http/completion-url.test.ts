import { expect, test } from "vitest";
import type { Store } from "../../src/ports/store.ts";
import { NOW, open, taskRecord, taskToken } from "./gateway.ts";

const record = taskRecord({ status: "waiting", attempt: 1, startedAt: NOW });

/** Posts a body to a genuine completion URL; gives the answer, and the result that was written. */
async function complete(body: string) {
  const written: unknown[] = [];
  const end: Store["end"] = ({ outcome }) => {
    written.push("result" in outcome ? outcome.result : undefined);
    return Promise.resolve({ kind: "ended", now: NOW, sequence: 2, nextAt: NOW, held: new Map() });
  };
  const gateway = await open({
    store: {
      readTask: () => Promise.resolve({ kind: "found", now: NOW, record, deliveries: [] }),
      readConfig: () => Promise.resolve({ kind: "found", config: { version: 1, json: "{}" }, now: NOW }),
      end,
    },
  });
  const token = await taskToken({ task: record.id, run: 1, attempt: 1, expiresAt: NOW + 60_000 });
  const answer = await gateway.send("POST", `/v1/complete/${token}`, {
    body,
    headers: { authorization: "" },
  });
  return { status: answer.status, written };
}

test.each([
  ['{"__proto__":1}', '{"__proto__":1}'],
  ['[{"a":{"\\u005f_proto__":{}}}]', '[{"a":{"\\u005f_proto__":{}}}]'],
  ["[9007199254740993]", "[9007199254740993]"],
  ["1e400", "1e400"],
  ["[".repeat(101) + "]".repeat(101), "[".repeat(101) + "]".repeat(101)],
  ["\ufeff[9007199254740993]", "[9007199254740993]"],
  ['{"constructor":{"prototype":1}}', { constructor: { prototype: 1 } }],
  ['"\\ud800\\u0000"', "\ud800\0"],
])("a genuine completion URL takes any JSON, whole or as its text: %s", async (body, result) => {
  expect(await complete(body)).toEqual({ status: 200, written: [JSON.stringify(result)] });
});

test.each(["", "hello", " ", "{]", "[1,]"])(
  "what is no JSON is none, and nothing at all is no result: %j",
  async (body) => {
    expect(await complete(body)).toEqual(
      body === "" ? { status: 200, written: [undefined] } : { status: 400, written: [] },
    );
  },
);
