import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { root } from "./support/process.ts";

/*
 * An error that is made while the modules load costs a quarter of a cold start: for its stack, V8 compiles the whole
 * bundle once more.
 */
test("no module makes an error while it loads", async () => {
  const program = `
    const stacks = [];
    const Own = Error;
    globalThis.Error = class extends Own {
      constructor(...args) {
        super(...args);
        stacks.push(this.stack);
      }
    };
    new Error("seen");
    await import(${JSON.stringify(join(root, "src/worker.ts"))});
    console.log(JSON.stringify(stacks.map((stack) => stack.split("\\n")[0])));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
  expect(JSON.parse(stdout)).toEqual(["Error: seen"]);
});
