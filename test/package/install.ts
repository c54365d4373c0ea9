import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { node, root } from "../support/process.ts";

const run = promisify(execFile);

/** A project of somebody's own, in which the packed package is installed. */
export interface Consumer {
  readonly folder: string;
  /** Writes a file of the project. */
  write(name: string, text: string): Promise<void>;
  remove(): Promise<void>;
}

/** Packs the package as `npm publish` would. */
async function pack(folder: string): Promise<string> {
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: root });
  return join(folder, stdout.trim().split("\n").at(-1) ?? "");
}

/**
 * Makes an empty project and installs the packed package in it, with the packages that it depends on and nothing else:
 * what it forgot to declare is missing. The packages are copies of the installed ones, so that no network is needed.
 *
 * @param others packages that the project uses in addition
 */
export async function install(others: readonly string[] = []): Promise<Consumer> {
  const folder = await mkdtemp(join(tmpdir(), "ringback-package-"));
  const home = join(folder, "node_modules/ringback");
  await mkdir(home, { recursive: true });
  await run("tar", ["-xzf", await pack(folder), "--strip-components=1", "-C", home]);
  await copyDependencies(folder, [...(await dependenciesOf(home)), ...others]);
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "consumer", type: "module" }));
  return {
    folder,
    write: (name, text) => writeFile(join(folder, name), text),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function copyDependencies(folder: string, names: readonly string[]): Promise<void> {
  const left = [...names];
  const copied = new Set<string>();
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (copied.has(name)) continue;
    copied.add(name);
    const source = join(root, "node_modules", name);
    await cp(source, join(folder, "node_modules", name), { recursive: true });
    left.push(...(await dependenciesOf(source)));
  }
}

/** The declared dependencies of an installed package, without those that lie in its own folder. */
async function dependenciesOf(folder: string): Promise<string[]> {
  const { dependencies = {} } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  return Object.keys(dependencies);
}

/** Node by its major version: one of the PATH, the project's own, or one from npm. */
export async function nodeOf(major: number): Promise<string> {
  const places = (process.env["PATH"] ?? "").split(delimiter).map((place) => join(place, "node"));
  for (const place of [node, ...places]) if ((await majorOf(place)) === major) return place;
  const folder = join(tmpdir(), `ringback-node-${major}`);
  const place = join(folder, "node_modules/node/bin/node");
  if ((await majorOf(place)) !== major) {
    await mkdir(folder, { recursive: true });
    await run("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", `node@${major}`]);
  }
  return place;
}

async function majorOf(place: string): Promise<number> {
  const { stdout } = await run(place, ["--version"]).catch(() => ({ stdout: "" })); // there is none
  return Number(/^v(\d+)/.exec(stdout)?.[1]);
}
