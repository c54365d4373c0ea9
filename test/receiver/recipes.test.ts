import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { freshPackage } from "../../scripts/fresh.ts";
import { freePort, node, root } from "../support/process.ts";
import { type Dependencies, headersOf, newSecret } from "./signed.ts";

/** The recipes as they stand in the documentation, by their file's name. */
const pages = ["receivers", "raw-bodies"].map((page) =>
  readFile(join(root, `docs/guides/${page}.md`), "utf8"),
);
const text = (await Promise.all(pages)).join("\n");
const recipes = new Map(
  [...text.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)].map(([, name = "", code = ""]) => [name, code]),
);

const secret = newSecret();
const challenge = crypto.randomUUID();
const VERIFICATION = JSON.stringify({
  type: "endpoint.verification",
  timestamp: "2026-11-24T09:00:00.000Z",
  data: { project: "prj_1", endpointId: "ep_1", challenge },
});

type Send = (headers: Record<string, string>, body: string) => Promise<Response>;

/** A folder in which `ringback` and the frameworks are installed, and the recipe. */
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringback-recipes-"));
  await mkdir(join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  await freshPackage();
  const installed: Record<string, string> = {
    ringback: root,
    ...Object.fromEntries(
      ["hono", "express", "fastify"].map((name) => [name, join(root, "node_modules", name)]),
    ),
  };
  await mkdir(join(folder, "node_modules/@types"));
  for (const name of ["node", "express"])
    installed[`@types/${name}`] = join(root, "node_modules/@types", name);
  for (const [name, place] of Object.entries(installed)) {
    await symlink(place, join(folder, "node_modules", name), "dir");
  }
  for (const [name, code] of recipes) await writeFile(join(folder, name), code);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function takesCallbacks(send: Send): Promise<void> {
  const post = (deps: Dependencies = {}, by = secret) => {
    const body =
      typeof deps.body === "string"
        ? deps.body
        : '{ "type": "task.failed", "timestamp": "2026-11-24T09:00:00.000Z", "data": {"id": "\u00fc"} }';
    return send(headersOf(by, { ...deps, body }), body);
  };
  expect((await post()).status).toBe(204);
  const echoed = await post({ body: VERIFICATION });
  expect(echoed.status).toBe(200);
  expect(JSON.parse(await echoed.text())).toEqual({ challenge });
  const refused = await Promise.all([
    post({}, newSecret()),
    post({ at: new Date(Date.now() - 600_000) }),
    post({ at: new Date(Date.now() + 600_000) }),
    send({}, "{}"),
    send({ ...headersOf(secret), "webhook-timestamp": "1".repeat(400) }, VERIFICATION),
    send(headersOf(secret), VERIFICATION),
  ]);
  for (const response of refused) {
    expect([400, 401]).toContain(response.status);
    expect(await response.text()).toMatch(
      /^(?:bad-signature|too-old|too-new|too-old-or-too-new|missing-headers|malformed-headers)\n?$/,
    );
  }
}

/** Starts a server that prints `listening`, and posts to it. */
async function serve(command: string, ...args: readonly string[]): Promise<Send> {
  const port = await freePort();
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, PORT: `${port}`, RINGBACK_SECRET: secret },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    void ended.then(() => reject(new Error(`${command} ended`)));
    child.stdout.on("data", (chunk: Buffer) => chunk.includes("listening") && resolve());
  });
  return (headers, body) => fetch(`http://127.0.0.1:${port}/hooks`, { method: "POST", headers, body });
}

const installed = async (command: string, ...args: string[]): Promise<boolean> =>
  promisify(execFile)(command, args).then(
    () => true,
    () => false,
  );
const hasPython = await installed("python3", "--version");
const hasGo = await installed("go", "version");
console.info(`python3: ${hasPython}, go: ${hasGo}`);

const requestFor = (headers: Record<string, string>, body: string): Request =>
  new Request("https://client.example/hooks", { method: "POST", headers, body });

describe("each recipe takes a callback, answers a challenge, and refuses what is forged or old", () => {
  it("has the file that each of them is", () => {
    expect([...recipes.keys()]).toEqual([
      "worker.ts",
      "hono.ts",
      "express.ts",
      "fastify.ts",
      "next.ts",
      "receiver.py",
      "receiver.go",
      "express-json.ts",
      "fastify-json.ts",
      "next-pages.ts",
    ]);
  });

  it.each(["worker.ts", "hono.ts"])("%s", async (name) => {
    const { default: app } = await import(pathToFileURL(join(folder, name)).href);
    await takesCallbacks(async (headers, body) =>
      app.fetch(requestFor(headers, body), { RINGBACK_SECRET: secret }),
    );
  });

  it("next.ts", async () => {
    process.env["RINGBACK_SECRET"] = secret;
    onTestFinished(() => {
      delete process.env["RINGBACK_SECRET"];
    });
    const { POST } = await import(pathToFileURL(join(folder, "next.ts")).href);
    await takesCallbacks(async (headers, body) => POST(requestFor(headers, body)));
  });

  it.each(["express.ts", "fastify.ts", "express-json.ts", "fastify-json.ts"])("%s", async (name) => {
    await takesCallbacks(await serve(node, name));
  });

  it("next-pages.ts", async () => {
    const main = 'import { createServer } from "node:http";\nimport hooks from "./next-pages.ts";\n';
    const listen =
      'createServer(hooks).listen(Number(process.env.PORT), "127.0.0.1", () => console.log("listening"));\n';
    await writeFile(join(folder, "next-server.mjs"), main + listen);
    await takesCallbacks(await serve(node, "next-server.mjs"));
  });

  it("those in TypeScript pass a strict type check", { timeout: 60_000 }, async () => {
    const compilerOptions = {
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      noImplicitReturns: true,
      module: "NodeNext",
      lib: ["ES2023", "DOM", "DOM.Iterable"],
      types: ["node"],
      noEmit: true,
      skipLibCheck: true, // of the frameworks: only what stands here is ours
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const checked = promisify(execFile)(node, [tsc, "--project", folder, "--pretty", "false"]);
    const said = await checked.then(
      ({ stdout }) => stdout,
      (error: { stdout?: string }) => error.stdout ?? String(error),
    );
    expect(said).toBe("");
  });

  if (hasPython) {
    it("receiver.py", async () => {
      await takesCallbacks(await serve("python3", "receiver.py"));
    });
  }

  if (hasGo) {
    it("receiver.go", { timeout: 120_000 }, async () => {
      await promisify(execFile)("go", ["build", "-o", "receiver", "receiver.go"], {
        cwd: folder,
        env: { ...process.env, GOCACHE: join(folder, "cache") },
      });
      await takesCallbacks(await serve(join(folder, "receiver")));
    });
  }
});
