import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type JsMinifyOptions, minify } from "@swc/core";
import { type BuildOptions, build as bundle } from "esbuild";
import { buildAssets } from "./assets.ts";
import { buildReceiver } from "./receiver.ts";
import { root } from "./root.ts";
import { collectScripts, type Scripts, withoutTexts, writeScripts } from "./scripts.ts";
import { emptyFunctions, shakeClassMembers } from "./shake.ts";
import { stripProse } from "./strip.ts";

export interface Build {
  /** The Worker as one module. */
  readonly script: string;
  /** What lies outside of the bundle: OpenAPI document, problems, reference, the scripts' texts. */
  readonly assets: string;
}

/**
 * Bundles the gateway as `wrangler deploy` does, and writes its pages, into `dist/`. Others may read there or
 * build at the same time: a file changes from one whole version to the next, and never is away.
 */
export async function build(): Promise<Build> {
  const dist = join(root, "dist");
  await mkdir(dist, { recursive: true });
  const fresh = await mkdtemp(join(dist, ".fresh-"));
  try {
    const scripts = await collectScripts();
    await Promise.all([
      bundleWorker(join(fresh, "worker/worker.js"), scripts),
      buildAssets(join(fresh, "assets")),
      writeScripts(scripts, join(fresh, "assets/scripts")),
    ]);
    for (const folder of ["worker", "assets"]) await replace(join(fresh, folder), join(dist, folder));
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return { script: join(dist, "worker/worker.js"), assets: join(dist, "assets") };
}

/** Bundles the Worker without the members of the SDKs' classes that nothing of ours names. */
async function bundleWorker(outfile: string, scripts: Scripts): Promise<void> {
  const whole = await bundle({ ...SHAPE, metafile: true, write: false });
  const sdk = Object.keys(whole.metafile.inputs).filter((path) => SDK.test(path));
  const texts = await Promise.all(sdk.map((path) => readFile(join(root, path), "utf8")));
  const modules = new Map(sdk.map((path, index) => [join(root, path), withoutServer(texts[index] ?? "")]));
  const shaken = shakeClassMembers(modules, await namesInAdapters());
  const { outputFiles } = await bundle({
    ...SHAPE,
    write: false,
    plugins: [
      {
        name: "leave-out",
        setup({ onLoad, onResolve }) {
          onLoad({ filter: SDK }, ({ path }) => ({ contents: shaken.get(path) ?? "" }));
          onLoad({ filter: /src[\\/](redis|http)[\\/][^\\/]+\.ts$/ }, async ({ path }) => {
            const text = await readFile(path, "utf8");
            const contents = /src[\\/]redis/.test(path) ? withoutTexts(text, scripts) : stripProse(text);
            return { contents, loader: "ts" };
          });
          onResolve({ filter: /^papaparse$/ }, () => ({
            path: join(root, "node_modules/papaparse/papaparse.js"),
          }));
          onLoad({ filter: /papaparse\.js$/ }, async ({ path }) => ({
            contents: emptyFunctions(await readFile(path, "utf8"), PAPA_BESIDES),
          }));
          // QStash's SDK imports it for a part that is not used here.
          onResolve({ filter: /^neverthrow$/ }, async ({ path, resolveDir }) => ({
            path: createRequire(join(resolveDir, "index.js")).resolve(path),
            sideEffects: false,
          }));
        },
      },
    ],
  });
  const [script] = outputFiles;
  if (!script) throw new Error("esbuild made no bundle");
  const { code } = await minify(script.text, MINIFICATION);
  await mkdir(dirname(outfile), { recursive: true });
  await writeFile(outfile, code);
}

/** QStash's SDK would start its own development server where it is told to (`devMode`): never on Workers. */
function withoutServer(text: string): string {
  return text.includes("ensureDevelopmentServer") ? emptyFunctions(text, ["ensureDevelopmentServer"]) : text;
}

/** What Papa Parse has besides its parser: it writes CSV, loads files and starts workers. */
const PAPA_BESIDES = [
  "JsonToCsv",
  "NetworkStreamer",
  "FileStreamer",
  "ReadableStreamStreamer",
  "DuplexStreamStreamer",
  "newWorker",
  "mainThreadReceivedMessage",
  "workerThreadReceivedMessage",
];

const SDK = /@upstash[\\/](redis|qstash)[\\/][^\\/]+\.mjs$/;

const SHAPE = {
  absWorkingDir: root,
  entryPoints: [join(root, "src/worker.ts")],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  platform: "browser",
  conditions: ["workerd", "worker", "browser"],
  external: ["node:*", "cloudflare:*"],
  define: { SCRIPTS_APART: "true" },
  logLevel: "error",
} satisfies BuildOptions;

/** A second minifier over the first one's work finds another twentieth. */
const MINIFICATION = {
  module: true,
  ecma: 2022,
  compress: { passes: 3, toplevel: true, pure_getters: true, unsafe_arrows: true, keep_fargs: false },
  mangle: { toplevel: true },
} satisfies JsMinifyOptions;

/** Every name by which the adapters reach into the SDKs. */
async function namesInAdapters(): Promise<ReadonlySet<string>> {
  const folders = ["redis", "qstash"].map((folder) => join(root, "src", folder));
  const files = await Promise.all(
    folders.map(async (folder) => (await filesIn(folder)).map((file) => join(folder, file))),
  );
  const texts = await Promise.all(files.flat().map((file) => readFile(file, "utf8")));
  const adapters = texts.filter((text) => text.includes('from "@upstash/'));
  return new Set(
    adapters.flatMap((text) =>
      [...text.replace(NO_CODE, "").matchAll(/\.(\w+)/g)].map(([, name]) => name ?? ""),
    ),
  );
}

/** Comments and template texts: the scripts' Lua calls no SDK. */
const NO_CODE = /\/\*[\s\S]*?\*\/|\/\/.*|`[^`]*`/g;

/** Moves every file of one folder over the other's, then drops what the first did not have. */
async function replace(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const files = await filesIn(from);
  for (const file of files) {
    await mkdir(dirname(join(to, file)), { recursive: true });
    await rename(join(from, file), join(to, file));
  }
  for (const file of await filesIn(to)) if (!files.includes(file)) await rm(join(to, file), { force: true });
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

if (import.meta.main) {
  const began = performance.now();
  await Promise.all([build(), buildReceiver()]);
  console.log(`build: dist/worker, dist/assets and dist/receiver.js in ${Math.round(performance.now() - began)} ms`);
}
