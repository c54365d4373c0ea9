import { ReplyError, SimpleString } from "../engine.ts";
import { glob, wrongArity } from "./arguments.ts";
import { type Commands, OK } from "./commands/command.ts";
import { hashCommands } from "./commands/hashes.ts";
import { keyCommands } from "./commands/keys.ts";
import { listCommands } from "./commands/lists.ts";
import { setCommands } from "./commands/sets.ts";
import { sortedSetCommands } from "./commands/sorted-sets.ts";
import { stringCommands } from "./commands/strings.ts";
import { type Bytes, CommandError, Keyspace, type Result } from "./keyspace.ts";
import { Scripts } from "./scripts.ts";

const DATA: Commands = {
  ...keyCommands,
  ...stringCommands,
  ...hashCommands,
  ...listCommands,
  ...setCommands,
  ...sortedSetCommands,
};

const NOT_IN_SCRIPTS = new Set(["eval", "eval_ro", "evalsha", "evalsha_ro", "script", "config"]);

/** Runs commands against one keyspace, one at a time; scripts and `INFO commandstats` included. */
export class Dispatcher {
  readonly #db = new Keyspace();
  readonly #calls = new Map<string, number>();
  readonly #publish: (channel: Bytes, message: Bytes) => number;
  readonly #scripts = new Scripts((command) => this.#runFromScript(command));
  readonly #server: Commands;

  constructor(publish: (channel: Bytes, message: Bytes) => number) {
    this.#publish = publish;
    this.#server = this.#serverCommands();
  }

  /** An error that Redis would see while queueing the command of a MULTI, or undefined. */
  check([name = "", ...args]: readonly Bytes[]): ReplyError | undefined {
    try {
      this.#find(name, args);
      return undefined;
    } catch (error) {
      return asReply(error);
    }
  }

  run([name = "", ...args]: readonly Bytes[]): Result {
    try {
      const run = this.#find(name, args);
      const key = name.toLowerCase();
      this.#calls.set(key, (this.#calls.get(key) ?? 0) + 1);
      return run(this.#db, args);
    } catch (error) {
      return asReply(error);
    }
  }

  /** Runs the commands of a MULTI, none of which {@link check} refused. */
  runAll(commands: readonly (readonly Bytes[])[]): Result[] {
    return this.#db.atOnce(() => commands.map((command) => this.run(command)));
  }

  close(): void {
    this.#scripts.close();
  }

  /** A command inside a script: Redis words the refusals differently there. */
  #runFromScript(command: readonly Bytes[]): Result {
    const name = (command[0] ?? "").toLowerCase();
    if (NOT_IN_SCRIPTS.has(name)) return new ReplyError("ERR This Redis command is not allowed from script");
    const refused = this.check(command);
    if (!refused) return this.run(command);
    const unknown = refused.message.startsWith("ERR unknown command");
    return new ReplyError(
      unknown
        ? "ERR Unknown Redis command called from script"
        : "ERR Wrong number of args calling Redis command from script",
    );
  }

  #find(name: string, args: readonly Bytes[]) {
    const key = name.toLowerCase();
    const found = Object.hasOwn(DATA, key)
      ? DATA[key]
      : Object.hasOwn(this.#server, key) && this.#server[key];
    if (!found) {
      const shown = args.map((arg) => `'${arg}' `).join("");
      throw new CommandError(`ERR unknown command '${name}', with args beginning with: ${shown}`);
    }
    const [arity, run] = found;
    const count = args.length + 1;
    if (arity < 0 ? count < -arity : count !== arity) throw wrongArity(key);
    return run;
  }

  #serverCommands(): Commands {
    const evaluate = (db: Keyspace, args: readonly Bytes[]) => db.atOnce(() => this.#scripts.eval(args));
    const evaluateSha = (db: Keyspace, args: readonly Bytes[]) =>
      db.atOnce(() => this.#scripts.evalsha(args));
    return {
      ping: [-1, (_, [message]) => message ?? new SimpleString("PONG")],
      echo: [2, (_, [message = ""]) => message],
      time: [1, (db) => time(db.now())],
      publish: [3, (_, [channel = "", message = ""]) => this.#publish(channel, message)],
      eval: [-3, evaluate],
      eval_ro: [-3, evaluate],
      evalsha: [-3, evaluateSha],
      evalsha_ro: [-3, evaluateSha],
      script: [-2, (_, args) => this.#scripts.script(args)],
      info: [-1, () => this.#info()],
      config: [-2, (_, [sub = "", ...rest]) => this.#config(sub, rest)],
      command: [-1, () => []],
    };
  }

  /** CONFIG RESETSTAT, and CONFIG GET of what there is to configure: nothing. */
  #config(sub: Bytes, rest: readonly Bytes[]): Result {
    const name = sub.toLowerCase();
    if (name === "resetstat") {
      this.#calls.clear();
      return OK;
    }
    if (name === "get")
      return rest.some((pattern) => glob(pattern)("maxmemory-policy"))
        ? ["maxmemory-policy", "noeviction"]
        : [];
    throw new CommandError(`ERR unknown subcommand '${sub}'. Try CONFIG HELP.`);
  }

  #info(): Bytes {
    const stats = [...this.#calls].map(([name, calls]) => `cmdstat_${name}:calls=${calls}`);
    return ["# Server", "redis_mode:embedded", "", "# Commandstats", ...stats, ""].join("\r\n");
  }
}

function time(now: number): Result {
  const micros = Math.floor(now * 1000);
  return [String(Math.floor(micros / 1e6)), String(micros % 1e6)];
}

/** A failing command is an answer; anything else is a fault of ours and goes up. */
function asReply(error: unknown): ReplyError {
  if (error instanceof CommandError) return new ReplyError(error.message);
  throw error;
}
