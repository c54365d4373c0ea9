import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { ADMIN_TOKEN, open } from "./gateway.ts";

const ADVICE = "is a number that a double cannot hold; send it as a string";

async function faultsOf(answer: Response) {
  const { status, code, errors } = await answer.json();
  return { status, code, errors };
}

const refusedAt = (...pointers: readonly string[]) => ({
  status: 422,
  code: "invalid-request",
  errors: pointers.map((pointer) => ({ pointer, detail: ADVICE })),
});

const submitting = (input: string) => `{"type":"test.echo","input":${input}}`;

describe("a number that parsing would change is refused, and says where it is", () => {
  test.each([
    ["9007199254740993", "#/input"],
    ["-9007199254740992", "#/input"],
    ["9007199254740993.0", "#/input"],
    ["900719925474099.3e1", "#/input"],
    ["90071992547409930e-1", "#/input"],
    ["1e400", "#/input"],
    ["-1E+400", "#/input"],
    ["1e23", "#/input"],
    ["[0,-1,12345678901234567890]", "#/input/2"],
    ['{"a/b~c":[1,{"":18446744073709551615}]}', "#/input/a~1b~0c/1/"],
    ['{"\\u0061\\"b \\\\":1e999}', "#/input/a%22b%20%5C"],
    ['{"a":1,"a":9007199254740993}', "#/input/a"],
    ['{"a":9007199254740993,"a":1}', "#/input/a"],
    ['{"text":"9007199254740993","b":9007199254740993}', "#/input/b"],
    [`${"[".repeat(98)}1e309${"]".repeat(98)}`, `#/input${"/0".repeat(98)}`],
    ["7".repeat(100_000), "#/input"],
    [`${"7".repeat(100_000)}.5`, "#/input"],
    [`0.${"0".repeat(100_000)}1e500000`, "#/input"],
  ])("%s", async (input, pointer) => {
    expect(await faultsOf(await (await open()).submit(submitting(input)))).toEqual(refusedAt(pointer));
  });

  test.each([
    "[9007199254740991,-9007199254740991]",
    "[1e22,9007199254740992.0,0e999,-0.0]",
    "[0.1,3.141592653589793238462643383279,1e-400,9007199254740993.5]",
    `[0.${"3".repeat(100_000)}]`,
    `["${"9".repeat(30)}"]`,
    '[{"9007199254740993":"1e400"}]',
  ])("%s is taken", async (input) => {
    expect((await (await open()).submit(submitting(input))).status).toBe(202);
  });

  test("in every JSON body, of clients, workers and operators", async () => {
    const gateway = await open();
    const headers = { "content-type": "application/json" };
    const admin = { ...headers, authorization: `Bearer ${ADMIN_TOKEN}` };
    const task = "/v1/tasks/task_01kawv0m1ne0nvxf9dkb2jc5h0";
    const project = "/admin/projects/prj_01kawtzq4je0a8yqh3n5v6w7x8";
    const send = async (method: string, path: string, body: string, own = headers) =>
      faultsOf(await gateway.send(method, path, { body, headers: own }));
    const big = "123456789012345678901";
    expect(await send("POST", "/v1/tasks", `{"type":"test.echo","input":1,"retries":${big}}`)).toEqual(
      refusedAt("#/retries"),
    );
    expect(await send("POST", "/v1/tasks", `{"type":"test.echo","input":1,"metadata":{"a":${big}}}`)).toEqual(
      refusedAt("#/metadata/a"),
    );
    expect(await send("POST", "/v1/endpoints", `{"url":"https://a.example","rateLimit":${big}}`)).toEqual(
      refusedAt("#/rateLimit"),
    );
    expect(await send("PATCH", "/v1/signing-secret", `{"signatures":[${big}]}`)).toEqual(
      refusedAt("#/signatures/0"),
    );
    expect(await send("PATCH", project, `{"maxOpen":${big}}`, admin)).toEqual(refusedAt("#/maxOpen"));
    expect(await send("POST", "/admin/keys", `{"project":"a","scopes":[${big}]}`, admin)).toEqual(
      refusedAt("#/scopes/0"),
    );
    const token = { ...headers, authorization: "Bearer none" };
    expect((await send("POST", `${task}/complete`, `{"result":${big}}`, token)).status).toBe(401);
  });
});

/** Runs a program in a process of its own; it prints the peak of what it had allocated, in MiB. */
async function peakOf(setup: string, program: string): Promise<number> {
  const source = `
    import { faultIn } from ${JSON.stringify(new URL("../../src/http/pipeline/body.ts", import.meta.url).href)};
    import { itemTexts } from ${JSON.stringify(new URL("../../src/shared/json/json-items.ts", import.meta.url).href)};
    ${setup}
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    ${program}
    console.log((process.memoryUsage().heapUsed - before) / 2 ** 20);`;
  // Nothing is collected before the end: what is counted is all that was ever made.
  const flags = [
    "--expose-gc",
    "--max-semi-space-size=512",
    "--min-semi-space-size=512",
    "--input-type=module",
  ];
  const child = spawn(process.execPath, [...flags, "--eval", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [printed] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return Number.parseFloat(printed);
}

describe("a body is looked at without an object per value", () => {
  const zeros = (bytes: number) => `"[" + "0,".repeat(${bytes / 2 - 2}) + "0]"`;

  test("1 MiB of [0,0,…]", async () => {
    const setup = `const text = ${zeros(2 ** 20)}; const json = JSON.parse(text); faultIn("[[0]]", [[0]]);`;
    const peak = await peakOf(setup, "if (faultIn(text, json)) throw new Error();");
    expect(peak).toBeGreaterThanOrEqual(0);
    expect(peak).toBeLessThan(4);
  }, 60_000);

  test("a batch of 4 MiB", async () => {
    const item = `'{"type":"a","input":' + ${zeros(2 ** 20 - 100)} + '}'`;
    const setup = `const item = ${item}; const text = '{"tasks":[' + Array(4).fill(item).join(",") + "]}";
      const json = JSON.parse(text); itemTexts('{"tasks":[{}]}', "tasks"); faultIn("[[0]]", [[0]]);`;
    const program = `const texts = itemTexts(text, "tasks");
      if (texts.length !== 4) throw new Error();
      texts.forEach((one, index) => { if (faultIn(one, json.tasks[index])) throw new Error(); });`;
    const peak = await peakOf(setup, program);
    expect(peak).toBeGreaterThanOrEqual(0);
    expect(peak).toBeLessThan(16);
  }, 60_000);
});
