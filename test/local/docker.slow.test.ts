import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { eventually } from "../support/client.ts";
import { freePort, root, start } from "../support/process.ts";
import { startBacking } from "../support/stack.ts";

// The Dockerfile of docs/guides/docker.md, run in folders in place of images: no Docker is needed.

const run = promisify(execFile);
const PATH = `${join(root, "node_modules/.bin")}${delimiter}${process.env["PATH"]}`;

interface Step {
  readonly name: string;
  readonly text: string;
}

/** The instructions of a Dockerfile; each stage begins with its `FROM`. */
function stepsOf(dockerfile: string): readonly (readonly Step[])[] {
  const lines = dockerfile
    .replaceAll(/\\\n\s*/g, "")
    .trim()
    .split("\n")
    .filter(Boolean);
  const steps = lines.map((line) => {
    const [, name = "", text = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    return { name, text };
  });
  const stages: Step[][] = [];
  for (const step of steps) {
    if (step.name === "FROM") stages.push([]);
    stages.at(-1)?.push(step);
  }
  return stages;
}

const textsOf = (steps: readonly Step[], name: string): string[] =>
  steps.flatMap((step) => (step.name === name ? [step.text] : []));

/** The arguments of an instruction in JSON, such as `CMD ["deno", "run"]`. */
function programOf(steps: readonly Step[], name: string): { command: string; args: string[] } {
  const [text = ""] = textsOf(steps, name);
  const [command = "", ...args] = z.array(z.string()).parse(JSON.parse(text.replace(/^CMD /, "")));
  return { command, args };
}

/** Puts the packages that are not for development into a folder, as `npm ci` and `npm prune --omit=dev` leave them. */
async function installForProduction(folder: string): Promise<void> {
  const lock = z
    .object({
      packages: z.record(
        z.string(),
        z.object({ dev: z.boolean().optional(), optional: z.boolean().optional() }),
      ),
    })
    .parse(JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")));
  for (const [path, { dev, optional }] of Object.entries(lock.packages)) {
    if (path === "" || dev || optional) continue;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await cp(join(root, path), join(folder, path), { recursive: true });
  }
}

let build: string;
let image: string;
let stages: readonly (readonly Step[])[];

beforeAll(async () => {
  const page = await readFile(join(root, "docs/guides/docker.md"), "utf8");
  stages = stepsOf(/^```dockerfile Dockerfile\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? "");
  const folder = await mkdtemp(join(tmpdir(), "ringback-docker-"));
  build = join(folder, "build");
  image = join(folder, "image");
  await Promise.all([mkdir(build), mkdir(image)]);
  return () => rm(folder, { recursive: true, force: true });
});

test("the Dockerfile builds and runs a gateway that is healthy and stops cleanly", {
  timeout: 240_000,
}, async () => {
  const [first = [], second = []] = stages;
  expect(stages).toHaveLength(2);

  // The first stage: what git knows is what `COPY . .` finds, next to the ignored folders.
  const { stdout } = await run("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root });
  for (const file of stdout.trim().split("\n"))
    await cp(join(root, file), join(build, file), { recursive: true });
  expect(textsOf(first, "RUN")).toEqual([
    "npm ci --no-audit --no-fund",
    "npm run build",
    "npm prune --omit=dev --no-audit --no-fund",
  ]);
  await symlink(join(root, "node_modules"), join(build, "node_modules"));
  await run("npm", ["run", "build"], { cwd: build, env: { ...process.env, PATH } });
  await rm(join(build, "node_modules"));
  await installForProduction(build);

  // The second stage.
  for (const text of textsOf(second, "COPY")) {
    const [, from = "", to = ""] = /^--from=build \/app\/(\S+) (\S+)$/.exec(text) ?? [];
    await cp(join(build, from), to.endsWith("/") ? join(image, to, from) : join(image, to), {
      recursive: true,
    });
  }
  const own = Object.fromEntries(
    textsOf(second, "ENV").flatMap((text) => text.split(" ").map((one) => one.split("="))),
  );
  expect(own).toEqual({ HOST: "0.0.0.0", PORT: "8787" });

  const backing = await startBacking("embedded");
  onTestFinished(() => backing.stop());
  const port = `${await freePort()}`;
  const env = {
    PATH,
    HOST: "127.0.0.1",
    PORT: port,
    UPSTASH_REDIS_REST_URL: backing.redis.url,
    UPSTASH_REDIS_REST_TOKEN: backing.redis.token,
    QSTASH_URL: backing.qstash.url,
    QSTASH_TOKEN: backing.qstash.token,
    QSTASH_CURRENT_SIGNING_KEY: backing.qstash.currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: backing.qstash.nextSigningKey,
    RINGBACK_PUBLIC_URL: `http://127.0.0.1:${port}`,
    RINGBACK_MASTER_SECRET: "a master secret that only this image knows",
    RINGBACK_ADMIN_TOKEN: "an-admin-token-of-this-image",
  };
  const program = programOf(second, "CMD");
  const shell = {
    command: "sh",
    args: ["-c", 'cd "$0" && exec "$@"', image, program.command, ...program.args],
  };
  const { running } = await start({ ...shell, env, ready: /"event":"listening"/ });
  onTestFinished(() => running.kill());
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200));
  expect((await fetch(`${url}/docs/guides/docker`)).status).toBe(200);

  const health = programOf(second, "HEALTHCHECK");
  await run(health.command, health.args, { env: { ...process.env, ...env } });
  process.kill(running.pid, "SIGTERM");
  expect(await running.ended).toBe(0);
  await expect(run(health.command, health.args, { env: { ...process.env, ...env } })).rejects.toMatchObject({
    code: 1,
  });
});
