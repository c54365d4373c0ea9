import { createHash } from "node:crypto";
import { argument, integer } from "./arguments.ts";
import { OK } from "./commands/command.ts";
import { type Bytes, CommandError, type Result } from "./keyspace.ts";
import { LuaMachine } from "./lua.ts";

const FLAGS = ["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"];

const sha1 = (source: Bytes): string => createHash("sha1").update(source, "latin1").digest("hex");

/** EVAL, EVALSHA and SCRIPT: scripts run whole, one at a time, and are compiled once. */
export class Scripts {
  readonly #machine: LuaMachine;
  readonly #compiled = new Map<string, number>();

  constructor(call: (command: Bytes[]) => Result) {
    this.#machine = new LuaMachine(call, sha1);
  }

  eval([source = "", ...rest]: readonly Bytes[]): Result {
    return this.#run(this.#load(source), rest);
  }

  evalsha([sha = "", ...rest]: readonly Bytes[]): Result {
    const name = sha.toLowerCase();
    if (!this.#compiled.has(name)) throw new CommandError("NOSCRIPT No matching script. Please use EVAL.");
    return this.#run(name, rest);
  }

  script([subcommand = "", ...rest]: readonly Bytes[]): Result {
    const name = subcommand.toLowerCase();
    if (name === "load" && rest.length === 1) return this.#load(argument(rest, 0));
    if (name === "exists" && rest.length > 0)
      return rest.map((sha) => Number(this.#compiled.has(sha.toLowerCase())));
    if (name === "flush") return this.#flush();
    throw new CommandError(
      `ERR unknown subcommand or wrong number of arguments for '${subcommand}'. Try SCRIPT HELP.`,
    );
  }

  close(): void {
    this.#machine.close();
  }

  #flush(): Result {
    for (const script of this.#compiled.values()) this.#machine.forget(script);
    this.#compiled.clear();
    return OK;
  }

  #load(source: Bytes): string {
    const sha = sha1(source);
    if (!this.#compiled.has(sha)) this.#compiled.set(sha, this.#machine.compile(withoutShebang(source)));
    return sha;
  }

  #run(sha: string, [count = "", ...rest]: readonly Bytes[]): Result {
    const script = this.#compiled.get(sha);
    if (script === undefined) throw new Error(`script ${sha} is not compiled`);
    const keys = integer(count);
    if (keys > rest.length) throw new CommandError("ERR Number of keys can't be greater than number of args");
    if (keys < 0) throw new CommandError("ERR Number of keys can't be negative");
    return this.#machine.run(script, rest.slice(0, keys), rest.slice(keys), sha);
  }
}

/** Blanks the first line of a script that begins with `#!`, once its flags are known to be Redis's own. */
function withoutShebang(source: Bytes): Bytes {
  if (!source.startsWith("#!")) return source;
  const [line = "", ...rest] = source.split("\n");
  const [engine, ...settings] = line.slice(2).trim().split(/\s+/);
  if (engine !== "lua") throw new CommandError(`ERR Unexpected engine in script shebang: ${engine}`);
  for (const setting of settings) {
    if (!setting.startsWith("flags=")) throw new CommandError(`ERR Unknown lua shebang option: ${setting}`);
    const unknown = setting
      .slice("flags=".length)
      .split(",")
      .find((flag) => flag && !FLAGS.includes(flag));
    if (unknown) throw new CommandError(`ERR Unexpected flag in script shebang: ${unknown}`);
  }
  return ["", ...rest].join("\n");
}
