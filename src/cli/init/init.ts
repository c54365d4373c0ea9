import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import process from "node:process";
import type { Command } from "commander";
import { root } from "../../local/root.ts";
import { UsageError } from "../common/failure.ts";
import { print } from "../common/output.ts";
import type { Run } from "../common/run.ts";
import { answersOf, type InitOptions } from "./answers.ts";
import { filesOf } from "./files.ts";
import { type Manifest, mergeManifest } from "./manifest.ts";
import { packageSource } from "./source.ts";

/** `ringback init [folder]` */
export function addInit(program: Command, run: Run): void {
  program
    .command("init")
    .description("make a project with a task type of your own; asks nothing when an option is given")
    .argument("[folder]", "where; made when it does not exist", ".")
    .option("--name <name>", "the name of the Worker (that of the folder)")
    .option("--runtime <name>", "workers (Cloudflare) or deno", undefined)
    .option("--region <region>", "the region of your Redis, such as aws:eu-west-1: the Worker runs near it")
    .option("--domain <host>", "the gateway's custom domain, such as ringback.example.com")
    .option("--yes", "ask nothing")
    .option("--force", "write over files that exist")
    .action(
      run<InitOptions>(async (options, folder = ".") => {
        const target = resolve(folder);
        const answers = await answersOf(options, basename(target));
        const files = { ...filesOf(answers), "package.json": await manifestOf(target, answers) };
        const taken = Object.keys(files).filter(
          (file) => file !== "package.json" && existsSync(join(target, file)),
        );
        if (taken.length > 0 && !options.force) {
          throw new UsageError(`${taken.join(", ")} exist here already: --force writes over them`);
        }
        for (const [file, text] of Object.entries(files)) {
          await mkdir(dirname(join(target, file)), { recursive: true });
          await writeFile(join(target, file), text);
        }
        const document = { folder: target, files: Object.keys(files) };
        print(options.json ?? false, document, () => nextSteps(target, Object.keys(files)));
        return 0;
      }),
    );
}

/** The project's package.json, where there is one with what it lacks. */
async function manifestOf(target: string, answers: Parameters<typeof filesOf>[0]): Promise<string> {
  const own = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as Manifest; // our own
  const file = join(target, "package.json");
  const present = existsSync(file) ? readManifest(await readFile(file, "utf8")) : {};
  const source = await packageSource(root, target, `^${own.version ?? "0.1.0"}`);
  return `${JSON.stringify(mergeManifest(present, own, source, answers), null, 2)}\n`;
}

function readManifest(text: string): Manifest {
  try {
    const manifest: unknown = JSON.parse(text);
    if (typeof manifest === "object" && manifest && !Array.isArray(manifest)) return manifest; // npm's own form
  } catch (cause) {
    throw new UsageError("package.json is not JSON: mend it first", { cause });
  }
  throw new UsageError("package.json is not a JSON object: mend it first");
}

function nextSteps(target: string, files: readonly string[]): string {
  const place = relative(process.cwd(), target);
  return [
    ...files.map((file) => `  ${file}`),
    "",
    "Next:",
    ...(place === ""
      ? []
      : [`  cd ${/^[\w./-]+$/.test(place) ? place : `'${place.replaceAll("'", "'\\''")}'`}`]),
    "  npm install",
    "  npm test          # the tests of the task type",
    "  npm run dev       # a gateway on this machine; it prints how to call it",
  ].join("\n");
}
