import { afterAll } from "vitest";
import { type Engine, ReplyError } from "../../src/local/engine.ts";
import { type KINDS, startStandIn } from "../local/redis-stand-in.ts";
import { everyScript } from "./every-script.ts";
import { storeOver } from "./store-fixture.ts";

/** A command inside a script: its name, how many words it had, and how many elements it answered or removed. */
export interface Observed {
  readonly command: string;
  readonly words: number;
  readonly elements: number;
}

/** A run of a script: what it was sent, its commands, and its reply as the engine gave it. */
export interface Run {
  readonly script: string;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  readonly commands: readonly Observed[];
  readonly reply: unknown;
}

/** What scripts do in an engine, command by command, and a way to make one of their commands fail. */
export class ObservedEngine {
  readonly engine: Engine;
  readonly #scripts: ReadonlyMap<string, string>;
  readonly #runs: Run[] = [];
  #failing: { readonly script: string; readonly command: number } | undefined;

  private constructor(inner: Engine, scripts: ReadonlyMap<string, string>) {
    this.#scripts = scripts;
    this.engine = { ...inner, call: (command) => this.#call(inner, command) };
  }

  static async over(): Promise<(inner: Engine) => ObservedEngine> {
    const found = await everyScript();
    const bodies = [...found].map(([name, lua]) => [name, lua.slice(lua.indexOf("\n") + 1)] as const);
    return (inner) => new ObservedEngine(inner, new Map(bodies));
  }

  /** Runs something while the n-th command (from 1) of every run of a script fails, as it does without memory. */
  async failing<T>(script: string, command: number, run: () => Promise<T>): Promise<T> {
    this.#failing = { script, command };
    try {
      return await run();
    } finally {
      this.#failing = undefined;
    }
  }

  /** What scripts did since it was asked last. */
  taken(): readonly Run[] {
    return this.#runs.splice(0);
  }

  async #call(inner: Engine, command: readonly (string | Buffer)[]) {
    const [name, text, ...rest] = command.map(String);
    if (name?.toLowerCase() === "evalsha") return new ReplyError("NOSCRIPT No matching script.");
    if (name?.toLowerCase() !== "eval" || text === undefined) return inner.call(command);
    const script = [...this.#scripts].find(([, body]) => text.endsWith(body))?.[0];
    if (script === undefined) return inner.call(command);
    const fails = this.#failing?.script === script ? this.#failing.command : 0;
    const end = text.indexOf("\n") + 1;
    const reply = await inner.call([name, text.slice(0, end) + observer(fails) + text.slice(end), ...rest]);
    const log = await inner.call(["LRANGE", LOG, "0", "-1"]);
    await inner.call(["DEL", LOG]);
    const commands = Array.isArray(log) ? log.map((line) => parse(String(line))) : [];
    const [count, ...words] = rest;
    const keys = words.slice(0, Number(count));
    this.#runs.push({ script, keys, args: words.slice(keys.length), commands, reply });
    return reply;
  }
}

/** A store over an engine whose scripts are observed; stopped after the tests of the suite. */
export async function startObserved(kind: (typeof KINDS)[number]) {
  const wrap = await ObservedEngine.over();
  let observed: ObservedEngine | undefined;
  const standIn = await startStandIn(kind, (inner) => {
    observed = wrap(inner);
    return observed.engine;
  });
  afterAll(() => standIn.stop());
  if (!observed) throw new Error("no engine");
  return { standIn, observed, store: storeOver(standIn) };
}

const LOG = "observed:log";

function parse(line: string): Observed {
  const [command = "", words, elements] = line.split(" ");
  return { command, words: Number(words), elements: Number(elements) };
}

/** Stands before the guard of the stand-in and the script: what they know as `redis` is this. */
function observer(fails: number): string {
  return [
    "local redis=(function() local real,n=redis,0",
    "local function size(v) if type(v)~='table' then return 1 end local s=0 for _,x in ipairs(v) do s=s+size(x) end return s end",
    "local function watch(run,raise) return function(...)",
    "n=n+1 local words={...} local name=string.upper(tostring(words[1]))",
    `if n==${fails} then local e={err='OOM command not allowed when used memory is over the limit'} if raise then error(e,0) end return e end`,
    "local r=run(...) local s=size(r) if string.sub(name,1,7)=='ZREMRAN' then s=tonumber(r) or 0 end",
    `real.call('RPUSH','${LOG}',name..' '..#words..' '..s) return r end end`,
    "return {call=watch(real.call,true),pcall=watch(real.pcall,false),sha1hex=real.sha1hex,error_reply=real.error_reply,status_reply=real.status_reply} end)() ",
  ].join(" ");
}
