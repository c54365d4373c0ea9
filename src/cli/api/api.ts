import { isUtf8 } from "node:buffer";
import process from "node:process";
import type { Command } from "commander";
import { UsageError } from "../common/failure.ts";
import { pretty, readJson } from "../common/json.ts";
import { write } from "../common/output.ts";
import type { Run } from "../common/run.ts";
import { openSession } from "../common/session.ts";

/** Below them only the admin token counts. */
const ADMIN = /^\/(?:admin|metrics)\b/;

/** `ringback api METHOD /path [json]` */
export function addApi(program: Command, run: Run): void {
  program
    .command("api")
    .description("make any other request, such as `api GET /v1/task-types`")
    .argument("<method>", "GET, POST, PATCH, DELETE…")
    .argument("<path>", "with its query, such as /v1/tasks?status=failed")
    .argument("[body]", "JSON, @file, or - for the standard input")
    .action(
      run(async (options, method = "", path = "", argument) => {
        if (!path.startsWith("/")) throw new UsageError("the path must begin with /, such as /v1/tasks");
        const verb = method.toUpperCase();
        if (!/^(?!CONNECT$|TRACE$|TRACK$)[A-Z]+$/.test(verb))
          throw new UsageError(`${verb} is no method that can be sent: GET, POST, PATCH, PUT, DELETE, HEAD`);
        const isBodiless = verb === "GET" || verb === "HEAD";
        if (isBodiless && argument !== undefined) throw new UsageError(`${verb} takes no body`);
        const { connection, json } = openSession(options, ADMIN.test(path) ? "admin" : "key");
        const body = argument === undefined ? undefined : await readJson(argument);
        const response = await connection.open(verb, path, { body });
        await show(response, json);
        return 0;
      }),
    );
}

/** JSON laid out for people; with `--json` one line; bytes as they are. */
async function show(response: Response, json: boolean): Promise<void> {
  const bytes = Buffer.from(await response.arrayBuffer());
  if (bytes.length === 0) {
    if (json) write("null");
    return;
  }
  const isJson = /^application\/([\w.-]+\+)?json/.test(response.headers.get("content-type") ?? "");
  const text = bytes.toString("utf8");
  if (json) write(isJson ? text.trim() : JSON.stringify(isUtf8(bytes) ? text : bytes.toString("base64")));
  else if (isJson) write(pretty(text));
  else process.stdout.write(bytes);
}
