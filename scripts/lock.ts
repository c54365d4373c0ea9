import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../src/local/root.ts";

/** An entry of package-lock.json, as far as it matters here. */
interface Entry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type Packages = Readonly<Record<string, Entry>>;

const OS: Readonly<Record<string, string>> = {
  android: "android",
  darwin: "darwin",
  freebsd: "freebsd",
  linux: "linux",
  openharmony: "openharmony",
  win32: "win32",
  windows: "win32",
};

const CPU: Readonly<Record<string, string>> = {
  "64": "x64",
  arm: "arm",
  arm64: "arm64",
  ia32: "ia32",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  x64: "x64",
};

const LIBC: Readonly<Record<string, string>> = {
  glibc: "glibc",
  gnu: "glibc",
  gnueabihf: "glibc",
  musl: "musl",
  musleabihf: "musl",
};

/*
 * npm leaves binaries of other platforms out of the lock file when it cannot see them while it installs
 * (npm/cli#4828), and then its own `npm ci` refuses that file. This puts them back: run it after `npm install`.
 */
const file = join(root, "package-lock.json");
const lock = JSON.parse(await readFile(file, "utf8")) as { packages: Packages };
const absent = absentBinaries(lock.packages);
const packages = Object.entries({ ...lock.packages, ...absent }).sort(([a], [b]) => a.localeCompare(b, "en"));
await writeFile(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`);
console.log(`lock: ${Object.keys(absent).length} binaries of other platforms put back`);

/** Entries for the optional dependencies that the lock file names and does not hold. */
function absentBinaries(packages: Packages): Packages {
  const found: Record<string, Entry> = {};
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const isThere = `${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages;
      if (!isThere)
        found[`node_modules/${name}`] = { version, ...platformOf(name), ...(dev && { dev }), optional: true };
    }
  }
  return found;
}

/** The platform that a binary's name speaks of, such as `linux-x64-musl`, in npm's terms. */
function platformOf(name: string): Pick<Entry, "os" | "cpu" | "libc"> {
  const words = name.split("/").at(-1)?.split("-") ?? [];
  const os = words.flatMap((word) => OS[word] ?? []);
  const cpu = words.flatMap((word) => CPU[word] ?? []);
  const libc = words.flatMap((word) => LIBC[word] ?? []);
  if (os.length !== 1 || cpu.length !== 1) throw new Error(`${name} names no platform`);
  return { os, cpu, ...(libc.length > 0 && { libc }) };
}
