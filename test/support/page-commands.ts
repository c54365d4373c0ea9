import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { freePort, node, root, signalGroup } from "./process.ts";

/** A command of a page, and what the page says that it printed. */
interface Command {
  readonly text: string;
  readonly output: string;
}

/** How long a command that only reads is repeated until it prints what the page says: work goes on meanwhile. */
const PATIENCE_MS = 30_000;
/** The address and the port that pages use for a gateway and for a receiver. */
const GATEWAY = "http://127.0.0.1:8787";
const RECEIVER_PORT = "3000";

/**
 * Does what a page asks its reader to do: saves its files (blocks with a file's name), and pastes its commands (blocks
 * `console`) into one shell, in order. Fails if one prints something else than the page says. `…` stands for any text;
 * ids and times may differ.
 */
export async function followPage(
  path: string,
  env: Readonly<Record<string, string>> & { readonly URL: string },
): Promise<void> {
  const page = await readFile(join(root, path), "utf8");
  const port = `${await freePort()}`;
  const here = (text: string): string => text.replaceAll(RECEIVER_PORT, port).replaceAll(GATEWAY, env.URL);
  const folder = await mkdtemp(join(tmpdir(), "ringback-page-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(root, join(folder, "node_modules/ringback"), "dir");
  for (const [, name = "", code = ""] of page.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm))
    await writeFile(join(folder, name), here(code));
  const shell = openShell(folder, { ...env, PATH: `${join(node, "..")}:${process.env["PATH"]}` });
  try {
    const commands = commandsOf(page);
    expect(commands.length, `${path} has no command`).toBeGreaterThan(0);
    for (const { text, output } of commands) {
      const wanted = patternOf(here(output));
      let printed = await shell.run(here(text), port);
      const end = performance.now() + PATIENCE_MS;
      while (reads(text) && !wanted.test(printed.trim()) && performance.now() < end) {
        await sleep(100);
        printed = await shell.run(here(text), port);
      }
      expect(printed.trim(), `${path}: ${text}`).toMatch(wanted);
    }
  } finally {
    shell.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The commands of all `console` blocks of a page. */
export function commandsOf(page: string): readonly Command[] {
  const blocks = [...page.matchAll(/^( *)```console\n([\s\S]*?)^ *```$/gm)].map(
    ([, indent = "", text = ""]) => text.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  );
  return blocks.flatMap((block) => {
    const found: { text: string; output: string }[] = [];
    let isOpen = false;
    for (const line of block.split("\n")) {
      const last = found.at(-1);
      if (line.startsWith("$ ")) found.push({ text: line.slice(2), output: "" });
      else if (last && isOpen) last.text += `\n${line}`;
      else if (last) last.output += `${line}\n`;
      isOpen = continues(found.at(-1)?.text ?? "");
    }
    return found;
  });
}

/** Whether a shell would wait for another line. */
function continues(text: string): boolean {
  return text.endsWith("\\") || (text.match(/'/g) ?? []).length % 2 === 1;
}

/** Whether a command changes nothing, so that it can be sent again. */
function reads(text: string): boolean {
  return /^(?:cat|curl) /.test(text) && !/ -(?:\w*X|d) /.test(text);
}

const VARYING: readonly (readonly [RegExp, string])[] = [
  [/(task|del|ep|evt|prj|key)_[0-9a-z]{26}/g, "$1_[0-9a-z]{26}"],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\\\.\d{3}Z/g, "\\d{4}-\\d\\d-\\d\\dT[\\d:.]{12}Z"],
  [/…/g, "[\\s\\S]*?"],
  // A long answer is printed in one line, and shown in several.
  [/\n */g, "\\s*"],
];

function patternOf(output: string): RegExp {
  const escaped = output.trim().replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  return new RegExp(`^${VARYING.reduce((text, [from, to]) => text.replace(from, to), escaped)}$`);
}

interface Shell {
  /** Runs a command to its end; one that goes on in the background is waited for until the port answers. */
  run(command: string, port: string): Promise<string>;
  close(): void;
}

function openShell(folder: string, env: Readonly<Record<string, string>>): Shell {
  const child = spawn("bash", ["--norc", "--noprofile"], {
    cwd: folder,
    env: { HOME: folder, ...env },
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let printed = "";
  let wake = (): void => undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
    wake();
  });
  let count = 0;
  return {
    async run(command, port) {
      count += 1;
      const mark = `<<<${count}>>>`;
      const opened = /&$/m.test(command)
        ? `\nfor n in {1..200}; do (exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null && break; sleep 0.05; done`
        : "";
      const from = printed.length;
      child.stdin.write(`{ ${command}\n} 2>&1${opened}\necho "${mark}"\n`);
      while (!printed.includes(mark, from)) await new Promise<void>((resolve) => (wake = resolve));
      return printed.slice(from, printed.indexOf(mark, from));
    },
    close: () => child.pid !== undefined && signalGroup(child.pid, "SIGKILL"),
  };
}
