import { CommandFailure, failureLine, runCommand } from "../src/local/command/failure.ts";
import { readOptions } from "../src/local/command/options.ts";
import { DEVELOPMENT, makeKey, makeProject } from "../src/local/stack/admin.ts";
import { addressIn, tokenIn } from "./variables.ts";

const { project, scopes, name } = readOptions({
  call: "npm run key --",
  about: "Makes an API key at a running gateway and prints it.",
  options: {
    project: {
      kind: "text",
      value: "NAME",
      about: "the key's project, made when it does not exist",
      required: true,
    },
    scopes: {
      kind: "text",
      value: "LIST",
      about: "such as tasks:write,tasks:read",
      default: "admin",
    },
    name: { kind: "text", value: "NAME", about: "what the key is called", default: "npm run key" },
  },
  variables: {
    RINGBACK_PUBLIC_URL: "the gateway (default http://127.0.0.1:8787)",
    RINGBACK_ADMIN_TOKEN: "its admin token (default that of npm start)",
  },
});

await runCommand(async () => {
  const url = addressIn(process.env, "RINGBACK_PUBLIC_URL", "http://127.0.0.1:8787");
  const admin = { url, token: tokenIn(process.env, "RINGBACK_ADMIN_TOKEN", DEVELOPMENT.adminToken) };
  try {
    await makeProject(admin, project);
    const wanted = scopes.split(",").map((scope) => scope.trim());
    console.log(await makeKey(admin, { project, scopes: wanted, name }));
  } catch (cause) {
    throw new CommandFailure(`${url} gave no key: ${failureLine(cause)}`, { cause });
  }
});
