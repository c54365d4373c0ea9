import { execFile } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { bareProgram } from "../support/bare-runtime.ts";
import { eventually } from "../support/client.ts";
import { freePort, type Program, type Running, root, start } from "../support/process.ts";
import { newProject, type Services, startServices } from "../support/stand-ins.ts";
import { type Consumer, install, nodeOf } from "./install.ts";

// The packed package in a project of somebody's own, with the programs of docs/guides/embed.md as they are printed.

const run = promisify(execFile);
const bin = (name: string): string => join(root, "node_modules/.bin", name);

let consumer: Consumer;
let services: Services;
beforeAll(async () => {
  [consumer, services] = await Promise.all([install(["@hono/node-server"]), startServices()]);
  const guide = await readFile(join(root, "docs/guides/embed.md"), "utf8");
  for (const [, name = "", code = ""] of guide.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)) {
    await mkdir(join(consumer.folder, dirname(name)), { recursive: true });
    await consumer.write(name, code);
  }
  await consumer.write("node.ts", GATEWAY_ON_NODE);
  await consumer.write("next.ts", NEXT);
}, 300_000);
afterAll(async () => {
  await consumer?.remove();
  await services?.stop();
});

/** The gateway in a Hono app on Node. */
const GATEWAY_ON_NODE = `import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { createRingback } from "ringback";
import { tasks } from "./tasks.ts";

const app = new Hono();
app.get("/", (c) => c.text("my app"));
app.route("/async", createRingback({ tasks, env: process.env }).app);
serve({ fetch: app.fetch, port: Number(process.env.PORT) }, () => console.log("listening"));
`;

/** Serves the route handlers of the guide as Next.js does, by their paths. */
const NEXT = `import { serve } from "@hono/node-server";
import { POST as hooks } from "./app/hooks/route.ts";
import { POST as shout } from "./app/shout/route.ts";

const handlers = { "/hooks": hooks, "/shout": shout };
const fetch = (request) => handlers[new URL(request.url).pathname](request);
serve({ fetch, port: Number(process.env.PORT) }, () => console.log("listening"));
`;

async function started(program: Omit<Program, "cwd">): Promise<Running> {
  const { running } = await start({ ...program, cwd: consumer.folder });
  onTestFinished(() => running.stop());
  return running;
}

type Start = (port: number, variables: Readonly<Record<string, string>>) => Promise<Program>;

/** Starts a gateway below /async, and returns its address. */
async function gateway(startOn: Start): Promise<string> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/async`;
  await started(await startOn(port, services.variables(url)));
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("my app");
  return url;
}

const onNode =
  (major: number): Start =>
  async (port, variables) => ({
    command: await nodeOf(major),
    args: ["node.ts"],
    env: { ...variables, PORT: `${port}` },
    ready: /listening/,
  });

const DENO = ["--allow-net", "--allow-env", "--allow-read=.", "--node-modules-dir=manual", "--no-prompt"];

const onDeno: Start = async (port, variables) => ({
  command: bin("deno"),
  args: ["run", "--quiet", "--no-lock", "--cached-only", ...DENO, "--unstable-no-legacy-abort", "main.ts"],
  env: { ...variables, PORT: `${port}`, HOST: "127.0.0.1" },
  ready: /"listening"/,
});

/** Bundled as wrangler deploys it, and run on workerd without any compatibility flag. */
const onWorkerd =
  (main: string): Start =>
  async (port, env) => {
    const out = join(consumer.folder, `out-${main}`);
    const { stdout, stderr } = await run(
      await nodeOf(24),
      [join(root, "node_modules/wrangler/bin/wrangler.js"), "deploy", main, "--dry-run", "--outdir", out],
      { cwd: consumer.folder, env: { ...process.env, WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" } },
    );
    expect(stdout + stderr).not.toMatch(/\[WARNING\]|node:/);
    expect(stdout).toContain("Total Upload");
    return bareProgram("workerd", out, main.replace(/ts$/, "js"), { port, env });
  };

/** Submits through an app that uses client and receiver, and waits for the callback that the app has verified. */
async function roundTrip(url: string, app: (env: Readonly<Record<string, string>>) => Promise<Program>) {
  const { key, secret } = await newProject(url);
  const port = await freePort();
  const own = `http://127.0.0.1:${port}`;
  const env = {
    PORT: `${port}`,
    APP_URL: own,
    RINGBACK_URL: url,
    RINGBACK_API_KEY: key,
    RINGBACK_SECRET: secret,
  };
  const running = await started(await app(env));
  const submitted = await fetch(`${own}/shout`, { method: "POST", body: "hello" });
  expect(submitted.status).toBe(202);
  expect(await submitted.json()).toMatchObject({ task: expect.stringMatching(/^task_/) });
  await eventually(async () => expect(running.output()).toMatch(/evt_\w+ \{ text: ["']HELLO["'] \}/), {
    timeoutMs: 30_000,
  });
  const forged = await fetch(`${own}/hooks`, { method: "POST", body: "{}" });
  expect([forged.status, await forged.text()]).toEqual([400, "missing-headers"]);
  return key;
}

const server =
  (major: number, file = "server.ts") =>
  async (env: Readonly<Record<string, string>>): Promise<Program> => ({
    command: await nodeOf(major),
    args: [major >= 22 ? file : await asJavaScript(file)],
    env,
    ready: /listening/,
  });

/** For a Node that runs no TypeScript. */
async function asJavaScript(file: string): Promise<string> {
  const outfile = file.replace(/ts$/, "mjs");
  await build({
    absWorkingDir: consumer.folder,
    entryPoints: [file],
    outfile,
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "node",
  });
  return outfile;
}

const onDenoToo = async (env: Readonly<Record<string, string>>): Promise<Program> => ({
  command: bin("deno"),
  args: ["run", "--quiet", "--no-lock", "--cached-only", ...DENO, "next.ts"],
  env,
  ready: /listening/,
});

describe("a gateway below a path of another app, with an app that submits and receives", () => {
  test("on workerd with Hono, and Node 20", { timeout: 240_000 }, async () => {
    const url = await gateway(onWorkerd("worker-hono.ts"));
    const key = await roundTrip(url, server(20));
    const inside = await fetch(url.replace("/async", "/shout"), { method: "POST", body: "in the process" });
    expect(inside.status).toBe(202);
    const { task } = (await inside.json()) as { readonly task: string };
    await eventually(async () => {
      const read = await fetch(`${url}/v1/tasks/${task}`, { headers: { authorization: `Bearer ${key}` } });
      expect(await read.json()).toMatchObject({ status: "succeeded", result: { text: "IN THE PROCESS" } });
    });
  });

  test("on workerd without Hono, and route handlers of Next.js on Node 22", {
    timeout: 240_000,
  }, async () => {
    await roundTrip(await gateway(onWorkerd("worker.ts")), server(22, "next.ts"));
  });

  test("on Deno, and Deno", { timeout: 240_000 }, async () => {
    const url = await gateway(onDeno);
    await roundTrip(url, onDenoToo);
    const docs = await fetch(`${url}/docs`);
    expect([docs.status, docs.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  });

  test.each([22, 24])("on Node %i, and the same Node", { timeout: 240_000 }, async (major) => {
    await roundTrip(await gateway(onNode(major)), server(major));
  });
});

describe("the types of the package", () => {
  test.each(["NodeNext", "Bundler"])(
    "fit a strict project under moduleResolution %s",
    async (moduleResolution) => {
      await consumer.write("types.ts", TYPES);
      const compilerOptions = {
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        noEmit: true,
        target: "ES2022",
        lib: ["ES2024", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
        module: moduleResolution === "Bundler" ? "ESNext" : "NodeNext",
        moduleResolution,
        allowImportingTsExtensions: true,
        typeRoots: [join(root, "node_modules/@types")],
        types: ["node"],
      };
      const files = ["types.ts", "worker-hono.ts", "worker.ts", "main.ts", "session.ts", "server.ts"];
      const routes = ["app/shout/route.ts", "app/hooks/route.ts"];
      const config = `tsconfig.${moduleResolution}.json`;
      await consumer.write(config, JSON.stringify({ compilerOptions, files: [...files, ...routes] }));
      await run(bin("tsc"), ["-p", config], { cwd: consumer.folder }).catch((error: { stdout?: string }) => {
        throw new Error(error.stdout, { cause: error });
      });
    },
  );
});

const TYPES = `import { createRingback, type Task } from "ringback";
import { Ringback } from "ringback/client";
import { tasks as builtIn } from "ringback/task-types";
import { worker } from "ringback/workers";
import { shout, tasks } from "./tasks.ts";

const named: Task<"text.shout", { text: string }, { text: string }> = shout;
const deployment = createRingback({ tasks: [...tasks, ...builtIn] });
export default worker(deployment);
export async function use(env: object): Promise<string[]> {
  const submitted = await deployment(env).submit(named, { text: "a" }, { project: "orders" });
  // @ts-expect-error the input of another type
  await deployment(env).submit(shout, { texts: "a" }, { project: "orders" });
  const client = new Ringback<typeof tasks>({ url: "https://a.example", apiKey: "rb_a" });
  const task = await client.tasks.wait(await client.tasks.submit("text.shout", { text: "a" }));
  // @ts-expect-error no such type
  await client.tasks.submit("text.whisper", { text: "a" });
  // @ts-expect-error no such input
  await client.tasks.submit("text.shout", { words: "a" });
  return [submitted.result?.text ?? "", task.result?.text ?? ""];
}
`;

describe("the files of the package", () => {
  test("are modules, their maps, declarations and pages: no source, and nothing of the local run", async () => {
    const home = join(consumer.folder, "node_modules/ringback");
    const files = (await readdir(home, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(home.length + 1));
    const expected =
      /^(package\.json|README\.md|LICENSE|dist\/assets\/.*|dist\/types\/.*\.d\.ts|dist\/(?!types|assets).*\.js(\.map)?)$/;
    expect(files.filter((file) => !expected.test(file))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(["dist/assets/docs.html", "dist/index.js.map"]));
    expect(files.filter((file) => /^dist\/(worker|\.)/.test(file))).toEqual([]);
  });

  test("import nothing but the declared packages; receiver and client import nothing", async () => {
    const home = join(consumer.folder, "node_modules/ringback");
    const { dependencies } = JSON.parse(await readFile(join(home, "package.json"), "utf8"));
    const imports = async (file: string) => {
      const { metafile } = await build({
        entryPoints: [join(home, "dist", file)],
        bundle: true,
        packages: "external",
        platform: "neutral",
        write: false,
        metafile: true,
        format: "esm",
      });
      const outputs = Object.values(metafile.outputs).flatMap((output) => output.imports);
      return [...new Set(outputs.map(({ path }) => path.replace(/^((?:@[^/]+\/)?[^/]+).*$/, "$1")))];
    };
    const declared = Object.keys(dependencies);
    for (const file of ["index.js", "runtime/workers.js", "task-types/index.js", "entry/worker.js"]) {
      expect(
        (await imports(file)).filter((name) => !declared.includes(name)),
        file,
      ).toEqual([]);
    }
    for (const file of ["receiver.js", "client/index.js"]) expect(await imports(file), file).toEqual([]);
  });
});
