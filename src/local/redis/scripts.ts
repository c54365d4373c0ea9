import { createHash } from "node:crypto";
import { KEY_SPECS } from "./key-specs.ts";

const LOCKING = "allow-key-locking";

/**
 * Holds a script to the keys it declared, in one line of Lua before its first: `redis.call` looks at the
 * keys of each command. Upstash does so for scripts with the flag, plain Redis never.
 */
const GUARD = [
  "local redis=(function() local real,declared,lower,number=redis,{},string.lower,tonumber",
  "for _,k in ipairs(KEYS) do declared[k]=true end",
  `local specs={${luaSpecs()}}`,
  "local function undeclared(a) local name=lower(tostring(a[1]))",
  "if string.sub(name,1,5)=='flush' then return a[1] end",
  "local spec=specs[name]",
  "if not spec then local k=a[2] if k==nil or declared[tostring(k)] then return nil end return tostring(k) end",
  "local first,last,step,count=string.match(spec,'(%-?%d+) (%-?%d+) (%d+) (%d+)')",
  "first,last,step,count=number(first),number(last),number(step),number(count)",
  "if last<0 then last=#a+last+1 else last=last+1 end",
  "if step>0 then for i=first+1,last,step do local k=a[i] if k==nil then break end if not declared[tostring(k)] then return tostring(k) end end end",
  "if count>0 then for i=count+2,count+1+(number(a[count+1]) or 0) do if not declared[tostring(a[i])] then return tostring(a[i]) end end end",
  "end",
  "local function guard(run,raise) return function(...) local k=undeclared({...}) if not k then return run(...) end",
  `local refused={err="ERR Dynamic keys are not allowed in Lua scripts when '${LOCKING}' flag is set. Key was: "..k}`,
  "if raise then error(refused) end return refused end end",
  "return setmetatable({call=guard(real.call,true),pcall=guard(real.pcall,false)},{__index=real}) end)()",
].join(" ");

function luaSpecs(): string {
  const fields = [...KEY_SPECS].map(
    ([name, { first, last, step, count = 0 }]) => `${name}='${first} ${last} ${step} ${count}'`,
  );
  return fields.join(",");
}

/** A script as the engine gets it: without the flag that only Upstash knows, and with a guard in its place. */
export function translateScript(source: string): string {
  const shebang = /^#!lua([^\n]*)(\n|$)/.exec(source);
  if (!shebang) return source;
  const rest = source.slice(shebang[0].length);
  const settings = (shebang[1] ?? "").trim().split(/\s+/).filter(Boolean);
  const flags =
    settings
      .find((setting) => setting.startsWith("flags="))
      ?.slice("flags=".length)
      .split(",") ?? [];
  if (!flags.includes(LOCKING)) return source;
  const left = flags.filter((flag) => flag !== LOCKING);
  const others = settings.filter((setting) => !setting.startsWith("flags="));
  const kept = left.length > 0 ? [...others, `flags=${left.join(",")}`] : others;
  // The guard stands before the first line, so that line numbers in errors stay right.
  return `${["#!lua", ...kept].join(" ")}\n${GUARD} ${rest}`;
}

const sha1 = (source: string): string => createHash("sha1").update(source).digest("hex");

/** Translates the scripting commands between the client's scripts and the engine's. */
export class ScriptNames {
  readonly #names = new Map<string, string>();

  /** The command to send to the engine in its place. */
  toEngine(command: readonly string[]): string[] {
    const [name = "", first = "", ...rest] = command;
    switch (name.toLowerCase()) {
      case "eval":
      case "eval_ro":
        return [name, this.#remember(first), ...rest];
      case "evalsha":
      case "evalsha_ro":
        return [name, this.#names.get(first.toLowerCase()) ?? first, ...rest];
      case "script":
        return [name, first, ...this.#subcommand(first.toLowerCase(), rest)];
      default:
        return [...command];
    }
  }

  /** The SHA-1 that the client expects from SCRIPT LOAD, where the engine names the translated script. */
  loaded(command: readonly string[]): string | undefined {
    const [name = "", subcommand = "", source = ""] = command;
    const loads = name.toLowerCase() === "script" && subcommand.toLowerCase() === "load";
    return loads ? sha1(source) : undefined;
  }

  #subcommand(subcommand: string, args: readonly string[]): string[] {
    if (subcommand === "load") return args.map((source) => this.#remember(source));
    if (subcommand === "exists") return args.map((sha) => this.#names.get(sha.toLowerCase()) ?? sha);
    return [...args];
  }

  #remember(source: string): string {
    const translated = translateScript(source);
    if (translated !== source) this.#names.set(sha1(source), sha1(translated));
    return translated;
  }
}
