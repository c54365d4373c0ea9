import { expect, it } from "vitest";
import { callIn } from "../../src/cli/common/call.ts";

it.each([
  ["by npx", { npm_command: "exec" }, "npx ringback"],
  ["by a script of a project", { npm_command: "run-script", npm_lifecycle_event: "dev" }, "npx ringback"],
  ["in the source", { npm_command: "run-script", npm_lifecycle_event: "ringback" }, "npm run -s ringback --"],
  ["by its name", {}, "ringback"],
])("a command that is named can be pasted: started %s", (_how, env, call) => {
  expect(callIn(env)).toBe(call);
});
