import type { Command } from "commander";
import type { Diagnosis } from "../../client/types.ts";
import { EXIT } from "../common/failure.ts";
import { print, table } from "../common/output.ts";
import type { Run } from "../common/run.ts";
import { openSession } from "../common/session.ts";

/** `ringback doctor` */
export function addDoctor(program: Command, run: Run): void {
  program
    .command("doctor")
    .description("check a deployment: Redis, QStash, clocks, secrets; the exit code is 1 when a check fails")
    .action(
      run(async (options) => {
        const { ringback, json } = openSession(options, "admin", false);
        const diagnosis = await ringback.request<Diagnosis>("POST", "/admin/doctor");
        print(json, diagnosis, () => textOf(diagnosis));
        return diagnosis.ok ? EXIT.ok : EXIT.failed;
      }, "admin"),
    );
}

function textOf({ ok, checks }: Diagnosis): string {
  const rows = checks.flatMap((check) => [
    [check.ok ? "ok" : "FAILED", check.name, check.detail],
    ...(check.fix === undefined ? [] : [["", "", `→ ${check.fix}`]]),
  ]);
  const failed = checks.filter((check) => !check.ok).length;
  return `${table(rows)}\n\n${ok ? "All is well." : `${failed} of ${checks.length} checks failed.`}`;
}
