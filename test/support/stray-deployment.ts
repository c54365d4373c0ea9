import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { host } from "./host.ts";
import { freePort, root, start } from "./process.ts";
import { type Backing, type Runtime, variablesOn } from "./stack.ts";

export interface StrayDeployment {
  readonly url: string;
  readonly adminToken: string;
  /** All that it has printed; empty where another program runs it. */
  output(): string;
  stop(): Promise<void>;
}

const ADMIN_TOKEN = "stray-deployment-admin-token";

/** The deployment's own entry point on its runtime, with the task types of stray-tasks.ts. */
export async function startStray(
  runtime: Runtime,
  backing: Backing,
  services: { readonly redisUrl?: string; readonly qstashUrl?: string } = {},
): Promise<StrayDeployment> {
  const env = (url: string) => ({
    ...variablesOn(backing, url, ADMIN_TOKEN),
    UPSTASH_REDIS_REST_URL: services.redisUrl ?? backing.redis.url,
    QSTASH_URL: services.qstashUrl ?? backing.qstash.url,
    RINGBACK_SWEEP_INTERVAL: "1s",
  });
  if (runtime === "workerd") {
    const hosted = await host(runtime, "test/support/stray-worker.ts", env);
    return { url: hosted.url, adminToken: ADMIN_TOKEN, output: () => "", stop: hosted.stop };
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(join(tmpdir(), "ringback-stray-"));
  const map = join(folder, "imports.json");
  const fileUrl = (path: string) => pathToFileURL(join(root, path)).href;
  const imports = { [fileUrl("src/task-types/index.ts")]: fileUrl("test/support/stray-tasks.ts") };
  await writeFile(map, JSON.stringify({ imports }));
  const { running } = await start({
    command: join(root, "node_modules/.bin/deno"),
    args: [
      ...["run", "--quiet", "--allow-net", "--allow-env", "--allow-read=.", "--no-prompt"],
      ...["--node-modules-dir=manual", "--no-lock", "--cached-only", `--import-map=${map}`, "src/deno.ts"],
    ],
    env: { ...env(url), HOST: "127.0.0.1", PORT: `${port}` },
    ready: /"listening"/,
  });
  return {
    url,
    adminToken: ADMIN_TOKEN,
    output: running.output,
    stop: async () => {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
