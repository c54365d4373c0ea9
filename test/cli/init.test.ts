import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unstable_readConfig } from "wrangler";
import { packageSource } from "../../src/cli/init/source.ts";
import { VARIABLES } from "../../src/config/config.ts";
import { cli } from "../support/cli.ts";
import { root } from "../support/process.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringback-init-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const read = (...path: string[]): Promise<string> => readFile(join(folder, ...path), "utf8");

/** Initializes a project in a folder of that name. */
async function init(name: string, ...options: string[]) {
  return await cli(["init", name, ...options], { cwd: folder });
}

const configOf = (name: string) => unstable_readConfig({ config: join(folder, name, "wrangler.toml") });

describe("ringback init", () => {
  it("asks nothing when an option is given, and says what to type next", async () => {
    const { code, stdout, stderr } = await init("My Orders", "--yes");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("cd 'My Orders'");
    expect(stdout).toContain("npm run dev");
    expect((await readdir(join(folder, "My Orders"))).sort()).toEqual([
      ".gitignore",
      "README.md",
      "package.json",
      "src",
      "test",
      "tsconfig.json",
      "wrangler.toml",
    ]);
    const manifest = JSON.parse(await read("My Orders", "package.json"));
    const own = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    expect(manifest).toMatchObject({
      name: "my-orders",
      type: "module",
      scripts: { dev: "ringback dev src/worker.ts", deploy: "wrangler deploy" },
      dependencies: { ringback: `^${own.version}`, zod: own.dependencies.zod },
      devDependencies: { wrangler: own.devDependencies.wrangler, typescript: own.devDependencies.typescript },
    });
  });

  it("writes a wrangler.toml with secrets, placement and observability, and no limits", async () => {
    await init("worker", "--name", "orders", "--region", "aws:eu-west-1");
    const config = configOf("worker");
    expect(config).toMatchObject({
      name: "orders",
      main: join(folder, "worker/src/worker.ts"),
      placement: { region: "aws:eu-west-1" },
      observability: { enabled: true },
      workers_dev: true,
      triggers: { crons: ["* * * * *"] },
      assets: { binding: "ASSETS", run_worker_first: true },
    });
    expect(config.limits).toBeUndefined();
    expect(await read("worker", "wrangler.toml")).toMatch(
      /Free plan refuses.*\n.*\n# \[limits\]\n# cpu_ms = /,
    );
    const secrets = config.secrets?.required ?? [];
    expect(secrets).toEqual(expect.arrayContaining(["RINGBACK_MASTER_SECRET", "QSTASH_TOKEN"]));
    const known: readonly string[] = VARIABLES;
    for (const name of [...secrets, ...Object.keys(config.vars)]) expect(known).toContain(name);
    for (const name of secrets) expect(config.vars).not.toHaveProperty(name);
    const own = unstable_readConfig({ config: join(root, "wrangler.toml") });
    expect(config.compatibility_date).toBe(own.compatibility_date);
    expect(config.compatibility_flags).toEqual(own.compatibility_flags);
  });

  it("names every variable that a gateway needs, as a secret or among the settings", async () => {
    await init("needs", "--yes");
    const { secrets, vars } = configOf("needs");
    const page = await readFile(join(root, "docs/guides/deploy.md"), "utf8");
    const needed = /for name in ([^\n]+\\\n[^\n]+\\\n[^\n]+)\ndo/.exec(page)?.[1]?.match(/[A-Z_]{5,}/g) ?? [];
    expect(needed).toHaveLength(9);
    expect([...(secrets?.required ?? []), ...Object.keys(vars)].sort()).toEqual(needed.toSorted());
  });

  it("leaves the workers.dev address when there is a custom domain", async () => {
    await init("domain", "--domain", "ringback.example.com");
    expect(configOf("domain")).toMatchObject({
      workers_dev: false,
      routes: [{ pattern: "ringback.example.com", custom_domain: true }],
      vars: { RINGBACK_PUBLIC_URL: "https://ringback.example.com" },
    });
  });

  it("makes a project for Deno", async () => {
    await init("on-deno", "--runtime", "deno");
    expect(await readdir(join(folder, "on-deno/src"))).toEqual(["deno.ts", "tasks.ts"]);
    const { scripts } = JSON.parse(await read("on-deno", "package.json"));
    expect(scripts.dev).toBe("ringback dev src/deno.ts");
  });

  it("keeps the entries of an existing package.json, such as the package that it came from", async () => {
    await mkdir(join(folder, "present"));
    const present = {
      name: "mine",
      version: "3.0.0",
      scripts: { test: 'echo "Error: no test specified" && exit 1', lint: "biome check", dev: "my own" },
      dependencies: { ringback: "file:../ringback-0.1.0.tgz" },
    };
    await writeFile(join(folder, "present/package.json"), JSON.stringify(present));
    await init("present", "--yes");
    const manifest = JSON.parse(await read("present", "package.json"));
    expect(manifest).toMatchObject({
      name: "mine",
      version: "3.0.0",
      type: "module",
      scripts: { lint: "biome check", dev: "my own", deploy: "wrangler deploy" },
      dependencies: { ringback: "file:../ringback-0.1.0.tgz", zod: expect.any(String) },
    });
    expect(manifest.scripts.test).toContain("--test");
  });

  it.each([
    ["file:../ringback-0.1.0.tgz", "file:../ringback-0.1.0.tgz"],
    ["file:vendor/ringback.tgz", "file:../mine/vendor/ringback.tgz"],
    [`file:${join(tmpdir(), "ringback.tgz")}`, "file:../../ringback.tgz"],
    ["github:example/ringback", "github:example/ringback"],
    ["^0.1.0", "^0.1.0"],
    [undefined, "^9.9.9"],
  ])("takes the package from where it is installed: %s", async (spec, source) => {
    const mine = join(folder, "mine");
    const home = join(mine, "node_modules/ringback");
    await mkdir(home, { recursive: true });
    await writeFile(join(mine, "package.json"), JSON.stringify({ devDependencies: { ringback: spec } }));
    expect(await packageSource(home, join(folder, "orders"), "^9.9.9")).toBe(source);
  });

  it("takes the package from the registry when no project installed it", async () => {
    expect(await packageSource("/usr/lib/node_modules/ringback", folder, "^9.9.9")).toBe("^9.9.9");
    expect(await packageSource(join(folder, "clone"), folder, "^9.9.9")).toBe("^9.9.9");
  });

  it.each(["null", "[]", "1", "{"])("refuses a package.json that is %s", async (text) => {
    const name = `bad-${text.length}-${text.charCodeAt(0)}`;
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "package.json"), text);
    const { code, stderr } = await init(name, "--yes");
    expect(code).toBe(2);
    expect(stderr).toContain("package.json is no");
    expect(await readdir(join(folder, name))).toEqual(["package.json"]);
  });

  it("writes over no file, unless it is told to", async () => {
    await init("twice", "--yes");
    await writeFile(join(folder, "twice/src/tasks.ts"), "mine");
    const again = await init("twice", "--yes");
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("src/tasks.ts");
    expect(again.stderr).toContain("--force");
    expect(await read("twice", "src/tasks.ts")).toBe("mine");
    expect((await init("twice", "--force")).code).toBe(0);
    expect(await read("twice", "src/tasks.ts")).toContain("defineTask");
  });

  it.each([
    ["--name", "Not A Name"],
    ["--runtime", "node"],
    ["--region", "mars"],
    ["--domain", "https://a.example.com/"],
  ])("refuses %s %s, and writes nothing", async (option, value) => {
    const { code, stderr } = await init("refused", option, value);
    expect(code).toBe(2);
    expect(stderr).toContain(option);
    expect(await readdir(folder)).not.toContain("refused");
  });
});
