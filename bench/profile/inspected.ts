import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { SourceMap } from "node:module";
import { join } from "node:path";
import * as z from "zod";
import { type Hosted, prepare } from "../../test/support/host.ts";
import { freePort, type Program, start } from "../../test/support/process.ts";
import type { CpuProfile, SourceOf } from "./parts.ts";

/** A Worker that can be profiled. */
export interface Inspected extends Hosted {
  readonly sourceOf: SourceOf;
  /** Profiles it while the work is under way. */
  profile(work: () => Promise<unknown>): Promise<CpuProfile>;
}

/** Asks the profiler of a runtime. */
type Ask = (method: "Profiler.start" | "Profiler.stop") => Promise<unknown>;

/** Runs a Worker as `host` does, with a profiler. */
export async function hostInspected(...worker: Parameters<typeof prepare>): Promise<Inspected> {
  const [runtime, entry, env, flags] = worker;
  const { url, program, folder, remove } = await prepare(runtime, entry, env, flags, {
    sourcemap: "external",
  });
  const port = await freePort();
  const { running } = await start(runtime === "deno" ? onDeno(program, port) : onWorkerd(program, port));
  const map = new SourceMap(JSON.parse(await readFile(join(folder, "worker.mjs.map"), "utf8")));
  return {
    url,
    pid: running.pid,
    sourceOf: ({ url: script, lineNumber, columnNumber }) => {
      if (!/worker(?:\.mjs)?$/.test(script)) return undefined;
      const found = map.findEntry(lineNumber, columnNumber);
      return "originalSource" in found ? found.originalSource : undefined;
    },
    profile: (work) => (runtime === "deno" ? askingDeno : askingWorkerd)(port, (ask) => profiled(ask, work)),
    stop: async () => {
      await running.stop();
      await remove();
    },
  };
}

async function profiled(ask: Ask, work: () => Promise<unknown>): Promise<CpuProfile> {
  await ask("Profiler.start");
  await work();
  const { profile } = (await ask("Profiler.stop")) as { profile: CpuProfile }; // as V8's protocol has it
  return profile;
}

function onDeno({ args, ...program }: Program, port: number): Program {
  const profiler = join(import.meta.dirname, "deno-profiler.ts");
  const server = args.at(-1) ?? "";
  return {
    ...program,
    args: [...args.slice(0, -1), "--allow-sys", "--allow-read", profiler, `${port}`, server],
  };
}

async function askingDeno<T>(port: number, work: (ask: Ask) => Promise<T>): Promise<T> {
  return await work(async (method) => {
    const answer = await fetch(`http://127.0.0.1:${port}/${method === "Profiler.start" ? "start" : "stop"}`);
    if (!answer.ok) throw new Error(`${method}: ${await answer.text()}`);
    return await answer.json();
  });
}

function onWorkerd({ args: [serve = "", ...args], ...program }: Program, port: number): Program {
  return { ...program, args: [serve, `--inspector-addr=127.0.0.1:${port}`, ...args] };
}

const Targets = z.tuple([z.object({ webSocketDebuggerUrl: z.string() })], z.unknown());
const Message = z.object({
  id: z.optional(z.number()),
  result: z.optional(z.unknown()),
  error: z.optional(z.unknown()),
});

async function askingWorkerd<T>(port: number, work: (ask: Ask) => Promise<T>): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${port}/json`);
  const [target] = Targets.parse(await answer.json());
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await once(socket, "open");
  const waiting = new Map<number, (message: z.infer<typeof Message>) => void>();
  socket.addEventListener("message", ({ data }) => {
    const message = Message.parse(JSON.parse(String(data)));
    if (message.id !== undefined) waiting.get(message.id)?.(message);
  });
  let id = 0;
  const ask = async (method: string): Promise<unknown> => {
    const { promise, resolve } = Promise.withResolvers<z.infer<typeof Message>>();
    waiting.set(++id, resolve);
    socket.send(JSON.stringify({ id, method }));
    const { result, error } = await promise;
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  };
  try {
    await ask("Profiler.enable");
    return await work(ask);
  } finally {
    socket.close();
  }
}
