import { execFile } from "node:child_process";
import { join } from "node:path";
import { root } from "../src/local/root.ts";
import { type Check, type Outcome, runChecks } from "./run-checks.ts";

/** Runs a program to its end. */
function run(command: string, ...args: readonly string[]): Promise<Outcome> {
  const options = { cwd: root, maxBuffer: 64 * 1_048_576 };
  return new Promise((resolve) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      resolve({ passed: error === null, output: `${stdout}${stderr}`.trim() });
    });
  });
}

const tool = (name: string, ...args: readonly string[]): Promise<Outcome> =>
  run(join(root, "node_modules/.bin", name), ...args);

const script = (name: string): Promise<Outcome> => run(process.execPath, join(root, "scripts", name));

/** The console has the types of a browser, everything else those of a worker. */
async function checkTypes(): Promise<Outcome> {
  const edge = await tool("tsc", "--noEmit");
  return edge.passed ? await tool("tsc", "--noEmit", "--project", "src/console") : edge;
}

/** Lints the document that is served, made from the routes as they are now. */
async function lintDocument(): Promise<Outcome> {
  const built = await script("document.ts");
  if (!built.passed) return built;
  const document = join(root, "dist/openapi.json");
  const { passed, output } = await tool("redocly", "lint", "--config", "scripts/redocly.yaml", document);
  return { passed: passed && !/You have \d+ warning/.test(output), output };
}

/** The checks of the source. The tests are apart. */
const CHECKS: Readonly<Record<string, Check>> = {
  types: {
    about:
      "The strictest types find mistakes before a test does. Set in tsconfig.json; rules: CONTRIBUTING.md#rules.",
    run: checkTypes,
  },
  style: {
    about:
      "A file tells one story, and a function fits on a screen: biome.json sets these limits and all other rules." +
      " `npx biome check --write` repairs what it can. Rules: CONTRIBUTING.md#rules.",
    run: () => tool("biome", "check", "--error-on-warnings", "--max-diagnostics=200"),
  },
  layers: {
    about:
      "The layers keep each part replaceable. Set in .dependency-cruiser.mjs; table: docs/architecture.md#modules.",
    run: () =>
      tool("depcruise", "--config", ".dependency-cruiser.mjs", "--output-type", "err-long", "src", "scripts"),
  },
  "unused code": {
    about: "Delete code that nothing uses. A new program or entry point is named in knip.json.",
    run: () => tool("knip", "--treat-config-hints-as-errors"),
  },
  "API document": {
    about:
      "Clients and tests are made from the document. Set in scripts/redocly.yaml; texts are in src/http/openapi.",
    run: lintDocument,
  },
  "console size": {
    about: "The limit and its reason are in scripts/console-size.ts.",
    verbose: true,
    run: () => script("console-size.ts"),
  },
  "client size": {
    about: "The limit and its reason are in scripts/client-size.ts.",
    verbose: true,
    run: () => script("client-size.ts"),
  },
  package: {
    about:
      "The package is for everybody's module resolution. Its exports are in package.json, its build in scripts/package.ts.",
    verbose: true,
    run: () => script("check-package.ts"),
  },
  "bundle size": {
    about: "The limit and its reason are in scripts/size.ts.",
    verbose: true,
    run: () => script("size.ts"),
  },
};

const failed = await runChecks(CHECKS, console.log);
process.exitCode = failed.length === 0 ? 0 : 1;
