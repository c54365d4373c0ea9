import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { EXAMPLES } from "../../examples/run/examples.ts";
import { eventually } from "../support/client.ts";
import { node, type Running, root, start } from "../support/process.ts";

// npm run example <name>: one command, the lines that it prints are pasted into a shell, and nothing is left at its end.

const readySchema = z.object({ url: z.url(), apiKey: z.string(), runtime: z.enum(["workerd", "deno"]) });
const taskSchema = z.object({
  id: z.string(),
  status: z.string(),
  result: z.record(z.string(), z.unknown()).optional(),
});

/** Small inputs for the programs, which are large or slow on purpose. */
const SMALL = { ROWS: "20000", CLIP_SECONDS: "3", JOB_SECONDS: "4" };

interface Started {
  readonly running: Running;
  readonly url: string;
  readonly key: string;
  /** The lines to paste. */
  readonly lines: string;
}

async function startExample(name: string, env: Readonly<Record<string, string>> = {}): Promise<Started> {
  const { running } = await start({
    command: node,
    args: [join(root, "scripts/bootstrap.mjs"), "examples/start.ts", name],
    env: { PORT: "0", ...SMALL, ...env },
    ready: /^ready \{.*\}$[\s\S]*^export URL=.*$[\s\S]*\n\n/m,
  });
  onTestFinished(() => running.kill());
  const [, json = "{}"] = /^ready (\{.*\})$/m.exec(running.output()) ?? [];
  const { url, apiKey } = readySchema.parse(JSON.parse(json));
  return { running, url, key: apiKey, lines: /^export URL=[\s\S]*?\n\n/m.exec(running.output())?.[0] ?? "" };
}

/** Pastes lines into a shell; gives what they print. */
async function paste(lines: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ringback-paste-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { stdout } = await promisify(execFile)("bash", ["--norc", "-euo", "pipefail", "-c", lines], {
    cwd: folder,
  });
  if (lines.includes("> report.pdf")) return (await readFile(join(folder, "report.pdf"))).toString("latin1");
  return stdout;
}

/** Follows a task to its end. */
async function ended({ url, key }: Started, text: string): Promise<z.output<typeof taskSchema>> {
  const { id } = taskSchema.parse(JSON.parse(text.split("\n")[0] ?? ""));
  const headers = { authorization: `Bearer ${key}`, prefer: "wait=20" };
  return await eventually(
    async () => {
      const task = taskSchema.parse(await (await fetch(`${url}/v1/tasks/${id}`, { headers })).json());
      expect(["succeeded", "failed"]).toContain(task.status);
      return task;
    },
    { timeoutMs: 60_000 },
  );
}

/** Ends it as Ctrl-C does. Nothing answers at its addresses any more. */
async function stopCleanly({ running }: Started): Promise<void> {
  const addresses = [...running.output().matchAll(/ (?:on|gateway:.*) (http:\/\/127\.0\.0\.1:\d+)/g)];
  process.kill(running.pid, "SIGINT");
  expect(await running.ended).toBe(0);
  for (const [, address = ""] of addresses)
    await expect(fetch(address), address).rejects.toThrow("fetch failed");
}

const LOOKS: Readonly<Record<string, (one: Started, printed: string) => Promise<void> | void>> = {
  "data-processing": async (one, printed) =>
    expect(await ended(one, printed)).toMatchObject({ status: "succeeded", result: { rows: 20_000 } }),
  "report-generation": (_, printed) => expect(printed).toMatch(/^%PDF-1\.7/),
  "video-encoding": async (one, printed) =>
    expect(await ended(one, printed)).toMatchObject({
      status: "succeeded",
      result: { codec: "h264", durationSeconds: 3 },
    }),
  "bulk-mail": (_, printed) => {
    const [task = "", mails = ""] = printed.split(/\n?(?=\[\{"messageId)/);
    expect(JSON.parse(task)).toMatchObject({ status: "succeeded", result: { accepted: 1 } });
    expect(mails).toContain("Dear Ada, it is here.");
  },
  "payment-verification": (_, printed) =>
    expect(JSON.parse(printed)).toMatchObject({ status: "succeeded", result: { verdict: "settled" } }),
};

describe("npm run example", { timeout: 180_000, concurrent: false }, () => {
  test("knows every example that examples/README.md lists", async () => {
    const text = await readFile(join(root, "examples/README.md"), "utf8");
    const listed = [...text.matchAll(/^\| \[[^\]]+\]\(([\w-]+)\/README\.md\)/gm)].map(
      ([, name]) => name ?? "",
    );
    expect(Object.keys(EXAMPLES).toSorted()).toEqual(listed.toSorted());
  });

  for (const [name, look] of Object.entries(LOOKS)) {
    test(`${name} runs as it is printed, and ends cleanly`, async () => {
      const one = await startExample(name);
      await look(one, await paste(one.lines));
      await stopCleanly(one);
    });
  }

  test("chat-agent runs as it is printed: progress is shown, and the conversation goes on", async () => {
    const one = await startExample("chat-agent", { RUNTIME: "deno" });
    const child = spawn("bash", ["--norc", "-c", one.lines], { detached: true, cwd: tmpdir() });
    let printed = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        printed += chunk.toString();
      });
    await eventually(() => expect(printed).toMatch(/event: message\ndata: .*18 suppliers have answered/), {
      timeoutMs: 60_000,
    });
    expect(printed).toContain("I have asked 18 suppliers for desk lamp.");
    expect(printed).toMatch(/event: progress\ndata: \{"percent":\d+,"message":"\d+ of 18 suppliers/);
    process.kill(-(child.pid ?? 0), "SIGKILL");
    await stopCleanly(one);
  });

  test("names the examples when it is called with another name", async () => {
    const ran = promisify(execFile)(node, [join(root, "examples/start.ts"), "reports"], { cwd: root });
    await expect(ran).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^there is no example "reports"; name one of: data-processing, .+, chat-agent\n$/,
      ),
    });
  });
});
