import type { Answers } from "./answers.ts";

type Pairs = Readonly<Record<string, string>>;

/** The parts of a package.json that are read and written here. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly scripts?: Pairs;
  readonly dependencies?: Pairs;
  readonly devDependencies?: Pairs;
}

/** The tool that runs and deploys a project, by runtime. */
const TOOLS = { workers: "wrangler", deno: "deno" } as const;

const SCRIPTS: Readonly<Record<Answers["runtime"], Pairs>> = {
  workers: { dev: "ringback dev src/worker.ts", deploy: "wrangler deploy" },
  deno: {
    dev: "ringback dev src/deno.ts",
    start:
      "deno run --allow-net --allow-env --allow-read --node-modules-dir=manual --unstable-no-legacy-abort src/deno.ts",
  },
};

/**
 * The package.json of a new project. An existing one keeps what it has, and gets what it lacks.
 *
 * @param own the manifest of this package, for the versions that it was tested with
 * @param source where npm gets this package from
 */
export function mergeManifest(
  present: Manifest,
  own: Manifest,
  source: string,
  { name, runtime }: Answers,
): Manifest {
  const known: Pairs = { ...own.dependencies, ...own.devDependencies };
  const tested = (packages: readonly string[]): Pairs =>
    Object.fromEntries(packages.map((one) => [one, known[one] ?? "*"]));
  const { test, ...scripts } = present.scripts ?? {};
  return {
    name,
    ...present,
    ...{ private: true, type: "module" },
    scripts: {
      ...SCRIPTS[runtime],
      // Node strips the types by itself since 22.18; older ones need the flag.
      test: 'node --experimental-strip-types --test "test/*.test.ts"',
      check: "tsc --noEmit",
      // The one that `npm init` writes tests nothing.
      ...(test !== undefined && !test.includes("no test specified") && { test }),
      ...scripts,
    },
    dependencies: { ringback: source, ...tested(["zod"]), ...present.dependencies },
    devDependencies: {
      ...tested(["@types/node", "typescript", TOOLS[runtime]]),
      ...present.devDependencies,
    },
  };
}
