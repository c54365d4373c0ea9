import { parseArgs } from "node:util";
import { DEVELOPMENT, makeKey, makeProject } from "../src/local/stack/admin.ts";

const USAGE = "usage: npm run key -- --project NAME [--scopes tasks:write,tasks:read] [--name NAME]";

/** Makes an API key at a running gateway and prints it; the project is made when there is none of that name. */
const { values } = parseArgs({
  options: { project: { type: "string" }, scopes: { type: "string" }, name: { type: "string" } },
});
if (!values.project) {
  console.error(USAGE);
  process.exit(2);
}

const admin = {
  url: (process.env["RINGBACK_PUBLIC_URL"] || "http://127.0.0.1:8787").replace(/\/+$/, ""),
  token: process.env["RINGBACK_ADMIN_TOKEN"] || DEVELOPMENT.adminToken,
};
try {
  await makeProject(admin, values.project);
  const scopes = values.scopes?.split(",").map((scope) => scope.trim()) ?? ["admin"];
  console.log(await makeKey(admin, { project: values.project, scopes, name: values.name ?? "npm run key" }));
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  console.error(`${admin.url} gave no key: ${why}`);
  process.exitCode = 1;
}
