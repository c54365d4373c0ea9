import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { Log, LogLevel, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { node, root } from "../support/process.ts";
import { BODY, headersOf, newKeyPair, newSecret, requestOf, SIGNERS } from "./signed.ts";

const run = promisify(execFile);
const secret = newSecret();
const pair = newKeyPair();

/** A project that has installed what `npm pack` makes, and nothing else. */
let folder = "";

/** Takes callbacks as a receiver does; the secret and key come along, which no real one does. */
const CONSUMER = `
import { CallbackError, verifyCallback } from "ringback/receiver";
export async function take(request) {
  const { searchParams } = new URL(request.url);
  try {
    const publicKeys = searchParams.getAll("key");
    const event = await verifyCallback(request, searchParams.getAll("secret"), { publicKeys });
    return new Response(event.type + " " + event.data.result.name);
  } catch (error) {
    if (error instanceof CallbackError) return new Response(error.code, { status: error.status });
    throw error;
  }
}
`;

/** Takes the requests of its argument, and prints the answers. */
const SCRIPT = `
import { take } from "./consumer.mjs";
const args = globalThis.Deno?.args ?? process.argv.slice(2);
const answers = [];
for (const { url, headers, body } of JSON.parse(args[0])) {
  const response = await take(new Request(url, { method: "POST", headers, body }));
  answers.push(response.status + " " + (await response.text()));
}
console.log(JSON.stringify(answers));
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringback-consumer-"));
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: root });
  const archive = stdout.trim().split("\n").at(-1) ?? "";
  const home = join(folder, "node_modules/ringback");
  await mkdir(home, { recursive: true });
  // Without what the gateway depends on: the receiving side needs none of it.
  await run("tar", ["-xzf", join(folder, archive), "--strip-components=1", "-C", home]);
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  await writeFile(join(folder, "consumer.mjs"), CONSUMER);
  await writeFile(join(folder, "script.mjs"), SCRIPT);
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

const url = (query: Readonly<Record<string, string>>): string =>
  `https://client.example/?${new URLSearchParams(query)}`;

function callbacks() {
  const at = new Date();
  const signed = (signature: string, query: Readonly<Record<string, string>> = { secret }) => ({
    url: url(query),
    headers: headersOf(secret, { at, id: "evt_1", signature }),
    body: BODY,
  });
  return [
    signed(SIGNERS.standardwebhooks(secret, "evt_1", at, BODY)),
    signed(SIGNERS.svix(secret, "evt_1", at, BODY)),
    signed(pair.sign("evt_1", at, BODY), { key: pair.whpk }),
    signed(SIGNERS.svix(newSecret(), "evt_1", at, BODY)),
    signed(newKeyPair().sign("evt_1", at, BODY), { key: pair.whpk }),
    signed(SIGNERS.svix(secret, "evt_1", at, BODY), { secret: `v1,${secret}` }),
  ];
}

const ANSWERS = [
  ...Array<string>(3).fill("200 task.succeeded B\u00fccher \u{1f4da}"),
  "401 bad-signature",
  "401 bad-signature",
  "500 invalid-secret",
];

async function answersOf(command: string, ...args: readonly string[]): Promise<unknown> {
  const { stdout } = await run(command, [...args, "script.mjs", JSON.stringify(callbacks())], {
    cwd: folder,
  });
  return JSON.parse(stdout);
}

/** The Nodes of this machine, beside the one that the tests run on: the package promises 20 and later. */
async function nodes(): Promise<Map<string, string>> {
  const places = (process.env["PATH"] ?? "").split(delimiter).map((place) => join(place, "node"));
  const found = new Map<string, string>();
  for (const place of [node, ...places]) {
    const { stdout } = await run(place, ["--version"]).catch(() => ({ stdout: "" })); // there is none
    if (Number(/^v(\d+)/.exec(stdout)?.[1]) >= 20) found.set(stdout.trim(), place);
  }
  return found;
}

describe("the package, installed from its archive", () => {
  it("runs on every Node here", async () => {
    const found = await nodes();
    expect(found.size).toBeGreaterThan(0);
    console.info(`Node ${[...found.keys()].join(", ")}`);
    for (const place of found.values()) expect(await answersOf(place)).toEqual(ANSWERS);
  });

  it("runs on Deno", async () => {
    const deno = join(root, "node_modules/.bin/deno");
    expect(await answersOf(deno, "run", "--quiet", "--no-lock", "--node-modules-dir=manual")).toEqual(
      ANSWERS,
    );
  });

  it("runs on workerd", async () => {
    const built = await readFile(join(folder, "node_modules/ringback/dist/receiver.js"), "utf8");
    const consumer = CONSUMER.replace("ringback/receiver", "./receiver.js");
    const miniflare = new Miniflare({
      log: new Log(LogLevel.ERROR),
      workers: [
        {
          config: {
            name: "consumer",
            compatibilityDate: "2026-11-01",
            manifest: {
              mainModule: "worker.js",
              modules: {
                "worker.js": {
                  type: "esm",
                  contents: 'import { take } from "./consumer.js"; export default { fetch: take };',
                },
                "consumer.js": { type: "esm", contents: consumer },
                "receiver.js": { type: "esm", contents: built },
              },
            },
          },
        },
      ],
    });
    try {
      const answers: string[] = [];
      for (const { url: address, headers, body } of callbacks()) {
        const response = await miniflare.dispatchFetch(address, { method: "POST", headers, body });
        answers.push(`${response.status} ${await response.text()}`);
      }
      expect(answers).toEqual(ANSWERS);
    } finally {
      await miniflare.dispose();
    }
  });

  it.each(["Bundler", "NodeNext"])("has types under moduleResolution %s", async (moduleResolution) => {
    const program = `import { verifyCallback, type CallbackEvent, type TaskEventData, type VerifyOptions } from "ringback/receiver";
const options: VerifyOptions = { tolerance: 60, replays: { seen: async () => false } };
const event: CallbackEvent = await verifyCallback(new Request("https://a.example/"), ["whsec_AAAA"], options);
if (event.type === "endpoint.verification") {
  const challenge: string = event.data.challenge;
  console.log(challenge);
}
if (event.type === "task.succeeded") {
  const { status, result, error }: TaskEventData = event.data;
  const known: "scheduled" | "queued" | "running" | "waiting" | "succeeded" | "failed" | "canceled" | "expired" = status;
  console.log(known, result, error?.lastFailure?.attempt.toFixed(), event.data.links.result.length);
  // @ts-expect-error no such status
  console.log(status === "done");
}
if (event.type === "delivery.dead") console.log(event.data.deliveryId, event.data.error?.code);
if (event.type === "endpoint.disabled") console.log(event.data.reason === "gone", event.data.disabledAt);
// @ts-expect-error a task's event has no challenge
if (event.type === "task.failed") console.log(event.data.challenge);
`;
    const module = moduleResolution === "Bundler" ? "ESNext" : "NodeNext";
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: "ES2022",
      lib: ["ES2022", "DOM"],
      module,
      moduleResolution,
      types: [],
    };
    await writeFile(join(folder, "program.ts"), program);
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["program.ts"] }),
    );
    await run(join(root, "node_modules/.bin/tsc"), ["-p", "."], { cwd: folder });
  });

  it("imports nothing, and no file that a consumer could not run", async () => {
    const built = await readFile(join(folder, "node_modules/ringback/dist/receiver.js"), "utf8");
    expect(built).not.toMatch(/^import |require\(|from "/m);
    expect(built, "a library that was bundled").not.toMatch(/zod/i);
    const dist = await readdir(join(folder, "node_modules/ringback/dist"), { recursive: true });
    expect(dist.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))).toEqual([]);
    expect(dist).not.toContain("worker");
  });

  it("verifies a Request of this Node as well", async () => {
    const { verifyCallback } = await import(join(folder, "node_modules/ringback/dist/receiver.js"));
    expect((await verifyCallback(requestOf(secret), secret)).type).toBe("task.succeeded");
  });
});
