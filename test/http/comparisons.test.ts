import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/process.ts";

/* How long a comparison takes must not tell how much of a MAC or token was right. Measuring that would be a matter of
   luck; that nothing but what is constant in time compares secrets is seen in the source. */

const SECRET = String.raw`(?:\w*(?:[tT]oken|[mM]ac|[sS]ignature|[dD]igest|[sS]ecret|[pP]roof))(?:\.\w+\(\w*\))?`;
const COMPARED = new RegExp(
  String.raw`(?<![\w.])(?:\w+\.)*${SECRET} *[!=]={1,2}(?![= ]*(?:undefined|null|""))|[!=]==? *(?:\w+\.)*${SECRET}(?![\w.(])`,
);

/** The comparisons that look like one of a secret, and why each may stand. */
const HARMLESS: Readonly<Record<string, string>> = {
  'adapters/redis/tasks/end.ts: local isHolder = task.lease == args.proof and task.attempt == args.attempt or ${fault("no-fence-in-end")}':
    "a lease's name, which no client sees",
  'endpoints/verify-endpoint.ts: proof === "cloudevents"': "the name of a way to prove",
  "endpoints/verify-endpoint.ts: if (text === secret) return true;":
    "a challenge that we have just sent to who answers it",
  "endpoints/verify-endpoint.ts: json === secret ||": "the same",
  'cli/listen/answer.ts: if (verdict.signature !== "valid") return { status: verdict.status, body: verdict.signature };':
    "the verdict on a signature",
  'cli/listen/report.ts: `  signature  ${signature === "valid" ? "valid" : `NOT VALID: ${signature}. ${reason ?? ""}`.trim()}`,':
    "the same",
  'endpoints/verify-endpoint.ts: (typeof json === "object" && (json as { challenge?: unknown } | null)?.challenge === secret)':
    "the same",
};

async function compared(): Promise<string[]> {
  const files = (await readdir(join(root, "src"), { recursive: true })).filter(
    (name) => name.endsWith(".ts") && !name.startsWith("local/"),
  );
  expect(files.length).toBeGreaterThan(100);
  const found = await Promise.all(
    files.map(async (name) => {
      const lines = (await readFile(join(root, "src", name), "utf8")).split("\n");
      return lines.filter((line) => COMPARED.test(line)).map((line) => `${name}: ${line.trim()}`);
    }),
  );
  return found.flat();
}

test("the search finds what compares a secret letter by letter", () => {
  for (const line of [
    "if (mac === given)",
    "given !== expectedMac",
    "if (token == other)",
    "a.signature === b",
  ])
    expect(line).toMatch(COMPARED);
  for (const line of ["if (token === undefined)", "signature === null", "token.task !== id"])
    expect(line).not.toMatch(COMPARED);
});

test("no MAC, token or signature is compared with an operator", async () => {
  expect((await compared()).filter((line) => !(line in HARMLESS))).toEqual([]);
});
