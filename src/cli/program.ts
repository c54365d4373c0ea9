import { Command } from "commander";
import { VERSION } from "../shared/version.ts";
import { addApi } from "./api/api.ts";
import { runWith } from "./common/run.ts";
import { addDev } from "./dev/dev.ts";
import { addDoctor } from "./doctor/doctor.ts";
import { addGet } from "./get/get.ts";
import { addInit } from "./init/init.ts";
import { addKeys } from "./keys/create.ts";
import { addListen } from "./listen/listen.ts";
import { addRecover } from "./recover/recover.ts";
import { addStats } from "./stats/stats.ts";
import { addSubmit } from "./submit/submit.ts";
import { addWatch } from "./watch/watch.ts";

const ABOUT = `
Variables (an option wins over its variable):
  RINGBACK_URL          the gateway (http://127.0.0.1:8787 unless given)
  RINGBACK_API_KEY      the API key; it wins over the admin token
  RINGBACK_ADMIN_TOKEN  the admin token, for doctor, keys and stats --all; elsewhere with --project

Exit codes: 0 ok, 1 the task or a check failed, 2 wrong usage, 3 refused by the gateway, 4 unreachable.`;

/** The commands of the project, then those of a gateway. */
const COMMANDS = [
  addInit,
  addDev,
  addDoctor,
  addSubmit,
  addGet,
  addWatch,
  addListen,
  addRecover,
  addKeys,
  addStats,
  addApi,
];

/**
 * @param end takes the exit code of the command that ran
 * @param json says nothing about a wrong call: the caller does
 */
export function createProgram(end: (code: number) => void, json = false): Command {
  const program = new Command("ringback")
    .description("The command line of Ringback, the async HTTP gateway.")
    .version(VERSION)
    .option("--url <url>", "the gateway's address")
    .option("--key <key>", "the API key, or the admin token")
    .option("--project <project>", "with the admin token: the project's id or name")
    .option("--json", "write JSON: one document, or a line per event")
    .addHelpText("after", ABOUT)
    .showHelpAfterError("(ringback --help lists the commands)")
    .exitOverride()
    .configureOutput(json ? { writeErr: () => undefined } : {});
  const run = runWith(end);
  for (const add of COMMANDS) add(program, run);
  return program;
}
