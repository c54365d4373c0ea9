import type { Command } from "commander";
import { UsageError } from "../common/failure.ts";
import { print } from "../common/output.ts";
import type { Run } from "../common/run.ts";
import { openSession } from "../common/session.ts";

interface CreateOptions {
  readonly scopes?: string;
  readonly name?: string;
  readonly expiresIn?: string;
}

/** `ringback keys create --project P` */
export function addKeys(program: Command, run: Run): void {
  const keys = program.command("keys").description("make API keys, with the admin token");
  keys
    .command("create")
    .description("make an API key, and the project when it is new; the key is printed this once")
    .option("--scopes <list>", "such as tasks:write,tasks:read; everything within the project unless given")
    .option("--name <text>", "its purpose")
    .option("--expires-in <duration>", "after so long it stops working, such as 90d")
    .action(
      run<CreateOptions>(async (options) => {
        const { project, scopes, name, expiresIn } = options;
        if (project === undefined) throw new UsageError("--project NAME is required: the key belongs to it");
        const { ringback, json } = openSession(options, "admin", false);
        const body = {
          project,
          ...(scopes !== undefined && { scopes: scopes.split(/[\s,]+/).filter(Boolean) }),
          ...(name !== undefined && { name }),
          ...(expiresIn !== undefined && { expiresIn }),
        };
        const made = await ringback.request<{ readonly key: string }>("POST", "/admin/keys", { body });
        print(json, made, () => made.key);
        return 0;
      }, "admin"),
    );
}
