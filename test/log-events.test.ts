import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { documentedEvents } from "./support/log-events.ts";
import { root } from "./support/process.ts";

/** A call of a log: the level, as an expression, and the event. */
const CALL = /\blog(?:\(|\)\()\s*((?:"[a-z]+")|[^,()]*\?[^,()]*),\s*("[a-z-]+"|[^,)]+)/g;

async function sources(): Promise<readonly { readonly file: string; readonly text: string }[]> {
  const entries = await readdir(join(root, "src"), { recursive: true });
  const files = entries.filter((name) => name.endsWith(".ts") && !/^(local|cli|console|client)\//.test(name));
  return Promise.all(
    files.map(async (file) => ({ file, text: await readFile(join(root, "src", file), "utf8") })),
  );
}

async function loggedEvents(): Promise<readonly string[]> {
  const calls = (await sources()).flatMap(({ file, text }) =>
    [...text.matchAll(CALL)].map(([, , event = ""]) => ({ file, event })),
  );
  const computed = calls.filter(({ event }) => !event.startsWith('"'));
  expect(computed, "the name of an event is a literal, so that it can be found").toEqual([]);
  return [...new Set(calls.map(({ event }) => event.slice(1, -1)))].sort();
}

test("docs/operations/logs.md has each event that the code logs, and no other", async () => {
  const events = await loggedEvents();
  expect(events).toEqual(
    expect.arrayContaining(["task-submitted", "delivery-attempted", "background-failed"]),
  );
  expect([...(await documentedEvents()).keys()].sort()).toEqual(events);
});

test("each event has an example, with no field that its table lacks", async () => {
  for (const [event, { fields, example }] of await documentedEvents()) {
    expect(example, `${event} has an example`).toBeDefined();
    expect(fields, `the table of ${event}`).toEqual(expect.arrayContaining(Object.keys(example ?? {})));
  }
});
