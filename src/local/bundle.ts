import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type JsMinifyOptions, minify } from "@swc/core";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { root } from "./root.ts";
import { type Scripts, withoutTexts } from "./scripts.ts";
import { shakeClassMembers } from "./shake.ts";
import { stripProse } from "./strip.ts";
import { UNREACHED, withoutUnreached } from "./unreached.ts";

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

/** Packages whose classes have far more members than are used here, and which of our files reach into them. */
const LARGE_CLASSES = [
  { modules: /@upstash[\\/]redis[\\/][^\\/]+\.mjs$/, users: ["src/redis"], naming: 'from "@upstash/' },
  { modules: /@upstash[\\/]qstash[\\/][^\\/]+\.mjs$/, users: ["src/qstash"], naming: 'from "@upstash/' },
  { modules: /node_modules[\\/]hono[\\/]dist[\\/].+\.js$/, users: ["src/http", "src"], naming: "" },
];

/** Bundles the Worker without what it carries and never uses: members of classes, Lua, words for documents. */
export async function bundleWorker(outfile: string, scripts: Scripts): Promise<void> {
  const { metafile } = await build({ ...SHAPE, metafile: true, write: false });
  const shaken = await shakePackages(Object.keys(metafile.inputs));
  const { outputFiles } = await build({ ...SHAPE, write: false, plugins: [leaveOut(shaken, scripts)] });
  const [script] = outputFiles;
  if (!script) throw new Error("esbuild made no bundle");
  const { code } = await minify(script.text, MINIFICATION);
  await mkdir(dirname(outfile), { recursive: true });
  await writeFile(outfile, code);
}

function leaveOut(shaken: ReadonlyMap<string, string>, scripts: Scripts): Plugin {
  return {
    name: "leave-out",
    setup({ onLoad, onResolve }) {
      onLoad({ filter: /\.m?js$/ }, ({ path }) => {
        const contents = shaken.get(path);
        return contents === undefined ? undefined : { contents };
      });
      onLoad({ filter: /src[\\/](redis|http)[\\/][^\\/]+\.ts$/ }, async ({ path }) => {
        const text = await readFile(path, "utf8");
        const contents = /src[\\/]redis/.test(path) ? withoutTexts(text, scripts) : stripProse(text);
        return { contents, loader: "ts" };
      });
      onLoad({ filter: UNREACHED }, async ({ path }) => ({
        contents: withoutUnreached(path, await readFile(path, "utf8")),
      }));
      onResolve({ filter: /^papaparse$/ }, () => ({
        path: join(root, "node_modules/papaparse/papaparse.js"),
      }));
      // QStash's SDK imports it for a part that is not used here.
      onResolve({ filter: /^neverthrow$/ }, ({ path, resolveDir }) => ({
        path: createRequire(join(resolveDir, "index.js")).resolve(path),
        sideEffects: false,
      }));
    },
  };
}

/** The modules among `inputs` that lose class members, by path. */
async function shakePackages(inputs: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const shaken = await Promise.all(
    LARGE_CLASSES.map(async ({ modules, users, naming }) => {
      const paths = inputs.filter((path) => modules.test(path)).map((path) => join(root, path));
      const texts = await Promise.all(paths.map((path) => readFile(path, "utf8")));
      const whole = new Map(paths.map((path, index) => [path, withoutUnreached(path, texts[index] ?? "")]));
      return shakeClassMembers(whole, await namesIn(users, naming));
    }),
  );
  return new Map(shaken.flatMap((modules) => [...modules]));
}

/** Every name by which files of ours, those that hold `naming`, reach into what they use. */
async function namesIn(folders: readonly string[], naming: string): Promise<ReadonlySet<string>> {
  const files = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(join(root, folder));
      return names.filter((name) => name.endsWith(".ts")).map((name) => join(root, folder, name));
    }),
  );
  const texts = await Promise.all(files.flat().map((file) => readFile(file, "utf8")));
  const code = texts.filter((text) => text.includes(naming)).map((text) => text.replace(NO_CODE, ""));
  return new Set(code.flatMap((text) => [...text.matchAll(/\.(\w+)/g)].map(([, name]) => name ?? "")));
}

/** Comments and template texts: the scripts' Lua calls no SDK. */
const NO_CODE = /\/\*[\s\S]*?\*\/|\/\/.*|`[^`]*`/g;
