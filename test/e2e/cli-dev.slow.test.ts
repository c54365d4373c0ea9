import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { wranglerToml } from "../../src/cli/init/wrangler.ts";
import { cli, cliProgram } from "../support/cli.ts";
import { eventually } from "../support/client.ts";
import { freePort, type Running, root, start } from "../support/process.ts";

// `ringback dev` from the source, on the runtime of this project of tests.

const { runtime } = inject("stack");

vi.setConfig({ testTimeout: 240_000 }); // bundling on a busy machine takes wrangler a minute

/** In the source's tree, so that an entry finds its packages. */
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(root, "dist", ".dev-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const EXPORT = /^export RINGBACK_URL=(\S+) RINGBACK_API_KEY=(\S+) RINGBACK_ADMIN_TOKEN=(\S+)$/m;

interface Dev {
  readonly running: Running;
  /** The line to paste, as variables. */
  readonly env: Readonly<Record<string, string>>;
}

async function startDev(args: readonly string[], cwd = root): Promise<Dev> {
  const [command = "", ...before] = await cliProgram();
  const all = [...before, "dev", ...args, "--port", `${await freePort()}`, "--runtime", runtime];
  const { running, match } = await start({ command, args: all, cwd, ready: EXPORT, timeoutMs: 110_000 });
  const [, url = "", key = "", token = ""] = match;
  return { running, env: { RINGBACK_URL: url, RINGBACK_API_KEY: key, RINGBACK_ADMIN_TOKEN: token } };
}

const tasksOf = (answer: string): string => `import { defineTask } from "${join(root, "src/task.ts")}";
import * as z from "zod";
const hello = defineTask({ type: "say.hello", input: z.null(), handler: () => "${answer}" });
export const tasks = [hello];
`;

const TASKS_WITH_SETTINGS = `import { defineTask } from "${join(root, "src/task.ts")}";
import * as z from "zod";
export const tasks = ({ SHOP_URL, BOTH, ONLY_ENV }: Readonly<Record<string, string>>) => [
  defineTask({ type: "say.settings", input: z.null(), handler: () => [SHOP_URL, BOTH, ONLY_ENV] }),
];
`;

/** As `ringback init` writes it, without the parts that this folder lacks. */
const WRANGLER = wranglerToml({ name: "settings", runtime: "workers", region: "aws:us-east-1" })
  .replace(/^main = .*$/m, 'main = "main.ts"')
  .replace(/^\[assets\]\n(?:\w+ = .*\n)+/m, "");

const ENTRIES = {
  workerd: `import { createRingback } from "${join(root, "src/app.ts")}";
import { worker } from "${join(root, "src/runtime/workers.ts")}";
import { tasks } from "./tasks.ts";
export default worker(createRingback({ tasks }));
`,
  deno: `import { createRingback, serve } from "${join(root, "src/runtime/deno.ts")}";
import { tasks } from "./tasks.ts";
serve(createRingback({ tasks }));
`,
} as const;

/** Ends it as Ctrl-C does, which is no failure; nothing of it is left. */
async function end({ running, env }: Dev): Promise<void> {
  process.kill(running.pid, "SIGINT");
  expect(await running.ended).toBe(0);
  await expect(fetch(env["RINGBACK_URL"] ?? "")).rejects.toThrow();
  await running.stop();
}

// One after the other: several wranglers that start at once may choose the same free port.
describe("ringback dev", { concurrent: false }, () => {
  it("runs the built-in gateway, and the printed line is enough to use it", async () => {
    const dev = await startDev([]);
    const { code, stdout } = await cli(["submit", "diagnostics.echo", "[1]", "--wait", "--json"], {
      env: dev.env,
    });
    expect({ code, task: JSON.parse(stdout) }).toMatchObject({
      code: 0,
      task: { status: "succeeded", result: [1] },
    });
    expect((await cli(["keys", "create", "--project", "shop"], { env: dev.env })).stdout).toMatch(/^rb_/);
    const ready = /^ready (\{.*\})$/m.exec(dev.running.output())?.[1] ?? "";
    expect(JSON.parse(ready)).toMatchObject({ url: dev.env["RINGBACK_URL"], runtime, redis: "embedded" });
    await end(dev);
  });

  it("runs the entry of a project, and loads it again when a source changes", async () => {
    await writeFile(join(folder, "tasks.ts"), tasksOf("first"));
    await writeFile(join(folder, "main.ts"), ENTRIES[runtime]);
    const dev = await startDev(["main.ts"], folder);
    const answer = async (): Promise<unknown> => {
      const { stdout } = await cli(["submit", "say.hello", "null", "--wait", "--json"], { env: dev.env });
      return JSON.parse(stdout).result;
    };
    expect(await answer()).toBe("first");
    await writeFile(join(folder, "tasks.ts"), tasksOf("second"));
    await eventually(async () => expect(await answer()).toBe("second"), { timeoutMs: 40_000 });
    await end(dev);
  });

  it("gives a project's task types the variables of .dev.vars and .env, also next to required secrets", async () => {
    await writeFile(join(folder, "tasks.ts"), TASKS_WITH_SETTINGS);
    await writeFile(join(folder, "main.ts"), ENTRIES[runtime]);
    await writeFile(join(folder, "wrangler.toml"), WRANGLER);
    await writeFile(join(folder, ".dev.vars"), 'SHOP_URL="http://shop.example:9000/a?b=c"\nBOTH=dev-vars\n');
    await writeFile(join(folder, ".env"), "BOTH=env\nONLY_ENV='two words'\n");
    const dev = await startDev(["main.ts"], folder);
    const submitted = await cli(["submit", "say.settings", "null", "--wait", "--json"], { env: dev.env });
    expect(JSON.parse(submitted.stdout).result).toEqual([
      "http://shop.example:9000/a?b=c",
      "dev-vars",
      "two words",
    ]);
    expect(dev.running.output()).not.toContain("Missing required secrets");
    await end(dev);
  });

  it("says what is wrong with the call, and ends with 2", async () => {
    const other = await startDev([]);
    const port = new URL(other.env["RINGBACK_URL"] ?? "").port;
    const taken = await cli(["dev", "--runtime", runtime, "--port", port]);
    expect(taken).toMatchObject({ code: 2, stdout: "" });
    expect(taken.stderr).toContain(`PORT ${port} of 127.0.0.1 is taken`);
    await end(other);
    const wrong = await cli(["dev", "--runtime", "node"]);
    expect(wrong).toMatchObject({ code: 2, stderr: "--runtime (or RUNTIME) must be workerd or deno\n" });
  });
});
