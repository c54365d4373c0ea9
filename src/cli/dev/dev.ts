import { existsSync } from "node:fs";
import process from "node:process";
import type { Command } from "commander";
import { UsageError } from "../common/failure.ts";
import type { Run } from "../common/run.ts";

interface DevOptions {
  readonly runtime?: string;
  readonly port?: string;
}

/** `ringback dev [entry]` */
export function addDev(program: Command, run: Run): void {
  program
    .command("dev")
    .description(
      "run a gateway on this machine with stand-ins for Redis and QStash, and reload it on changes",
    )
    .argument(
      "[entry]",
      "a module such as src/worker.ts; the gateway with the built-in task types unless given",
    )
    .option("--runtime <name>", "workerd (with the package wrangler) or deno")
    .option("--port <number>", "where it listens on 127.0.0.1 (PORT, or 8787)")
    .action(
      run<DevOptions>(async (options, entry) => {
        if (entry !== undefined && !existsSync(entry)) throw new UsageError(`there is no file ${entry}`);
        const runtime = runtimeOf(options, entry);
        const { dev } = await import("./run-dev.ts"); // the stand-ins take time to load, and no other command needs them
        return await dev({ runtime, entry, port: options.port, json: options.json ?? false });
      }),
    );
}

/** The runtime that is named; else that of the entry's name. */
function runtimeOf({ runtime }: DevOptions, entry: string | undefined): "workerd" | "deno" {
  const name =
    runtime ?? (process.env["RUNTIME"] || (/\bdeno\.[cm]?[jt]s$/.test(entry ?? "") ? "deno" : "workerd"));
  if (name === "workerd" || name === "deno") return name;
  throw new UsageError("--runtime (or RUNTIME) must be workerd or deno");
}
