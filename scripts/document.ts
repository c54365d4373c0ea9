import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openApi } from "../src/http/openapi/document.ts";
import { routesOf } from "../src/http/routes/index.ts";
import { root } from "../src/local/root.ts";
import { httpRequestTask } from "../src/services/http-request.ts";
import { diagnostics, tasks } from "../src/task-types/index.ts";

/** Writes `dist/openapi.json`: the OpenAPI document of a gateway with the task types that come with it. */
const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string }; // npm insists on it
const document = openApi({
  version,
  publicUrl: "https://ringback.example",
  tasks: [httpRequestTask(new Map()), ...tasks, ...diagnostics],
  routes: routesOf(),
});
await mkdir(join(root, "dist"), { recursive: true });
await writeFile(join(root, "dist/openapi.json"), JSON.stringify(document));
