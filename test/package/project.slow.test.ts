import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli } from "../support/cli.ts";
import { eventually } from "../support/client.ts";
import { freePort, type Running, root, start } from "../support/process.ts";
import { type Consumer, install, nodeOf } from "./install.ts";

// From an empty folder to a verified callback: the packed package, `ringback init`, and what the project then offers.

const run = promisify(execFile);

/** The tools that `npm install` would fetch for the project. */
const TOOLS = ["wrangler", "typescript", "@types/node", "deno"];

const EXPORT = /^export RINGBACK_URL=(\S+) RINGBACK_API_KEY=(\S+) RINGBACK_ADMIN_TOKEN=(\S+)$/m;

const projects: Consumer[] = [];
afterAll(async () => {
  for (const project of projects) await project.remove();
});

/** A folder in which the package and the tools of its project are installed. */
async function installed(): Promise<{ readonly folder: string; readonly ringback: readonly string[] }> {
  const project = await install(["zod"]);
  projects.push(project);
  const { folder } = project;
  for (const tool of TOOLS) {
    const place = join(folder, "node_modules", tool);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(root, "node_modules", tool), place);
  }
  const program = join(folder, "node_modules/ringback/dist/cli/index.js");
  await chmod(program, 0o755);
  const bin = join(folder, "node_modules/.bin");
  await mkdir(bin, { recursive: true });
  await symlink(program, join(bin, "ringback"));
  for (const tool of ["wrangler", "tsc"])
    await symlink(join(root, "node_modules/.bin", tool), join(bin, tool));
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ name: "orders", dependencies: { ringback: "file:ringback.tgz" } }),
  );
  return { folder, ringback: [await nodeOf(24), program] };
}

/** The environment of a shell in which that Node comes first. */
async function shell(env: Readonly<Record<string, string>> = {}): Promise<NodeJS.ProcessEnv> {
  const PATH = `${dirname(await nodeOf(24))}:${process.env["PATH"] ?? ""}`;
  return { ...process.env, PATH, WRANGLER_SEND_METRICS: "false", NO_COLOR: "1", NODE_OPTIONS: "", ...env };
}

/** `npm run dev` in a project, until its line to paste is there. */
async function startDev(folder: string) {
  const { running, match } = await start({
    command: "npm",
    args: ["run", "dev"],
    cwd: folder,
    env: { ...((await shell()) as Record<string, string>), PORT: `${await freePort()}` },
    ready: EXPORT,
    timeoutMs: 120_000,
  });
  const [, url = "", key = "", token = ""] = match;
  return { running, env: { RINGBACK_URL: url, RINGBACK_API_KEY: key, RINGBACK_ADMIN_TOKEN: token } };
}

/** The programs of docs/guides/new-project.md: the second task type, and the client. */
async function programsOfPage(): Promise<{ readonly type: string; readonly client: string }> {
  const page = await readFile(join(root, "docs/guides/new-project.md"), "utf8");
  const [type = "", client = ""] = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, text]) => text);
  return { type, client };
}

async function stop(running: Running): Promise<void> {
  process.kill(-running.pid, "SIGINT");
  await running.ended;
  await running.stop();
}

describe.each(["workers", "deno"] as const)("a new project for %s", (runtime) => {
  let project: Awaited<ReturnType<typeof installed>>;
  beforeAll(async () => {
    project = await installed();
    const { folder: cwd, ringback: program } = project;
    const made = await cli(["init", "--name", "orders", "--runtime", runtime], { cwd, program });
    expect(made).toMatchObject({ code: 0, stderr: "" });
  }, 240_000);

  test("passes its own tests and the strictest types", { timeout: 120_000 }, async () => {
    const { folder: cwd } = project;
    const tested = await run("npm", ["test"], { cwd, env: await shell() });
    expect(tested.stdout).toMatch(/pass 3\n[\s\S]*fail 0\n/);
    await run("npm", ["run", "check"], { cwd, env: await shell() });
    const manifest = JSON.parse(await readFile(join(cwd, "package.json"), "utf8"));
    expect(manifest.dependencies.ringback).toBe("file:ringback.tgz");
  });

  // What does not depend on the runtime is shown once, and Deno needs no bundle.
  if (runtime === "workers") {
    test("says which Node the command line needs", { timeout: 120_000 }, async () => {
      const { folder: cwd, ringback } = project;
      const program = [await nodeOf(20), ringback[1] ?? ""];
      const { code, stdout, stderr } = await cli(["init"], { cwd, program });
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/needs Node 22 or newer; this is v20\./);
    });

    test("can be deployed, without a warning", { timeout: 120_000 }, async () => {
      const { folder: cwd } = project;
      const { stdout, stderr } = await run("npm", ["run", "deploy", "--", "--dry-run"], {
        cwd,
        env: await shell(),
      });
      expect(stdout).toContain("Total Upload");
      expect(stdout + stderr).not.toContain("WARNING");
    });
  }

  test("runs, takes a task of its own type, and calls back", { timeout: 240_000 }, async () => {
    const { folder: cwd, ringback: program } = project;
    const { type, client } = await programsOfPage();
    const tasks = await readFile(join(cwd, "src/tasks.ts"), "utf8");
    await writeFile(
      join(cwd, "src/tasks.ts"),
      tasks.replace(/\/\*\* Every task type[\s\S]*/, () => type),
    );
    const { running, env } = await startDev(cwd);
    try {
      const options = { cwd, env, program };
      const port = await freePort();
      const [command = "", ...before] = program;
      const listening = await start({
        command,
        args: [...before, "listen", "--port", `${port}`],
        env,
        ready: /--callback http/,
      });
      const callback = `http://127.0.0.1:${port}`;
      const args = ["submit", "text.shout", '{"text": "hello"}', "--callback", callback, "--wait", "--json"];
      const submitted = await cli(args, options);
      expect(submitted.code, submitted.stderr).toBe(0);
      expect(JSON.parse(submitted.stdout)).toMatchObject({ status: "succeeded", result: { text: "HELLO" } });
      await eventually(() =>
        expect(listening.running.output()).toMatch(/signature {2}valid[\s\S]*next {7}delivered/),
      );
      await writeFile(join(cwd, "client.ts"), client.replace("http://127.0.0.1:4000", callback));
      const printed = await run(command, ["client.ts"], { cwd, env: await shell(env) });
      expect(printed.stdout).toBe("succeeded 42\n");
      await eventually(() => expect(listening.running.output()).toContain('"total": 42'));
      await stop(listening.running);
      await run("npm", ["run", "check"], { cwd, env: await shell() });
      await writeFile(join(cwd, "wrong.ts"), client.replace("order.total", "order.sum"));
      await expect(run("npm", ["run", "check"], { cwd, env: await shell() })).rejects.toMatchObject({
        stdout: expect.stringMatching(/wrong\.ts.*"order\.sum"/),
      });
      // The commands of the guides use the diagnostics.
      const echoed = await cli(["submit", "diagnostics.echo", "[1]", "--wait", "--json"], options);
      expect(JSON.parse(echoed.stdout)).toMatchObject({ status: "succeeded", result: [1] });
      const refused = await cli(["submit", "text.shout", "{}"], options);
      expect(refused.code).toBe(3);
      const page = await fetch(`${env.RINGBACK_URL}/docs`);
      expect(page.status).toBe(200);
      await writeFile(
        join(cwd, "src/tasks.ts"),
        (await readFile(join(cwd, "src/tasks.ts"), "utf8")).replace("input.text.toUpperCase()", '"changed"'),
      );
      await eventually(
        async () => {
          const again = await cli(["submit", "text.shout", '{"text": "hello"}', "--wait", "--json"], options);
          expect(JSON.parse(again.stdout)).toMatchObject({ result: { text: "changed" } });
        },
        { timeoutMs: 60_000 },
      );
    } finally {
      await stop(running);
    }
    await expect(fetch(env.RINGBACK_URL)).rejects.toThrow();
  });
});
