import { expect, test } from "vitest";
import { refusedCalls } from "../../src/http/access/refused-calls.ts";
import { open } from "./gateway.ts";

test("refused calls are logged at most once a second, and the next line counts the others", () => {
  let now = 0;
  const lines: unknown[] = [];
  const report = refusedCalls(
    (...line) => lines.push(line),
    () => now,
  );
  const call = { path: "/internal/run", requestId: "r" };
  for (let i = 0; i < 5; i++) report(call, { valid: false, reason: "no-signature" });
  now = 999;
  report(call, { valid: false, reason: "wrong-key" });
  expect(lines).toEqual([["warn", "queue-call-refused", { ...call, reason: "no-signature" }]]);
  now = 1_000;
  report(call, { valid: false, reason: "wrong-subject", expected: "https://a", given: "https://b" });
  expect(lines.at(-1)).toEqual([
    "warn",
    "queue-call-refused",
    { ...call, reason: "wrong-subject", expected: "https://a", given: "https://b", suppressed: 5 },
  ]);
  now = 2_000;
  report(call, { valid: false, reason: "wrong-body" });
  expect(lines.at(-1)).toEqual(["warn", "queue-call-refused", { ...call, reason: "wrong-body" }]);
});

test("a call that is refused leaves a line without its query, and the answer says no more than before", async () => {
  const gateway = await open();
  const answer = await gateway.send("POST", "/internal/run?project=prj_1", { body: "{}" });
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({ detail: "Only the queue may call this address." });
  expect(gateway.logged).toEqual([
    [
      "warn",
      "queue-call-refused",
      { path: "/internal/run", requestId: answer.headers.get("x-request-id"), reason: "no-signature" },
    ],
  ]);
});
