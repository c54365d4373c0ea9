import { ReplyError, SimpleString } from "../engine.ts";
import { type LuaBytes, type LuaState, loadFengari } from "./fengari.ts";
import { type Bytes, CommandError, type Result } from "./keyspace.ts";

const { lua, lauxlib, lualib, to_luastring: text } = await loadFengari();

/** Globals that Redis's Lua has and Lua 5.3 lacks, and the reverse; globals are read-only from here on. */
const BOOTSTRAP = `
unpack, loadstring, print, dofile, loadfile, collectgarbage = table.unpack, load, nil, nil, nil, nil
table.getn = function(t) return #t end
redis.status_reply = function(s) return {ok = s} end
redis.error_reply = function(s)
  if string.sub(s, 1, 1) == '-' then s = string.sub(s, 2) end
  return {err = string.find(s, ' ', 1, true) and s or 'ERR ' .. s}
end
redis.log = function() end
redis.set_repl = function() end
redis.replicate_commands = function() return true end
redis.LOG_DEBUG, redis.LOG_VERBOSE, redis.LOG_NOTICE, redis.LOG_WARNING = 0, 1, 2, 3
setmetatable(_G, {
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
  __newindex = function() error('Attempt to modify a readonly table', 2) end,
})`;

const RUNNING = { KEYS: text("KEYS"), ARGV: text("ARGV"), err: text("err"), ok: text("ok") };

/** One Lua state for all scripts of an engine: what a script compiles to is kept, its globals are not. */
export class LuaMachine {
  readonly #L: LuaState = lauxlib.luaL_newstate();
  readonly #call: (command: Bytes[]) => Result;

  /** @param call runs a command of a script; an error reply is a value. */
  constructor(call: (command: Bytes[]) => Result, sha1: (source: Bytes) => Bytes) {
    this.#call = call;
    const L = this.#L;
    for (const [name, open] of [
      ["_G", lualib.luaopen_base],
      ["table", lualib.luaopen_table],
      ["string", lualib.luaopen_string],
      ["math", lualib.luaopen_math],
    ] as const) {
      lauxlib.luaL_requiref(L, text(name), open, true);
      lua.lua_pop(L, 1);
    }
    lua.lua_createtable(L, 0, 12);
    this.#define("call", () => this.#command(true));
    this.#define("pcall", () => this.#command(false));
    this.#define("sha1hex", () => {
      pushBytes(L, sha1(toBytes(lua.lua_tostring(L, 1))));
      return 1;
    });
    lua.lua_setglobal(L, text("redis"));
    this.run(this.compile(BOOTSTRAP, "=redis"), [], [], "");
  }

  /** Compiles a script; the number names the function, the chunk name rides in messages. */
  compile(source: Bytes, chunk = "@user_script"): number {
    const L = this.#L;
    const bytes = fromBytes(source);
    if (lauxlib.luaL_loadbuffer(L, bytes, bytes.length, text(chunk)) !== lua.LUA_OK) {
      const why = toBytes(lua.lua_tostring(L, -1));
      lua.lua_pop(L, 1);
      throw new CommandError(`ERR Error compiling script (new function): ${why}`);
    }
    return lauxlib.luaL_ref(L, lua.LUA_REGISTRYINDEX);
  }

  forget(script: number): void {
    lauxlib.luaL_unref(this.#L, lua.LUA_REGISTRYINDEX, script);
  }

  /** Runs a compiled script to its end. An error that it raised is thrown. */
  run(script: number, keys: readonly Bytes[], argv: readonly Bytes[], sha: string): Result {
    const L = this.#L;
    try {
      this.#global(RUNNING.KEYS, keys);
      this.#global(RUNNING.ARGV, argv);
      let line = "";
      lua.lua_pushcfunction(L, () => {
        line = currentLine(L);
        return 1;
      });
      const handler = lua.lua_gettop(L);
      lua.lua_rawgeti(L, lua.LUA_REGISTRYINDEX, script);
      if (lua.lua_pcall(L, 0, 1, handler) !== lua.LUA_OK)
        throw new CommandError(`${this.#raised()} script: ${sha}, on @user_script:${line}.`);
      return this.#result();
    } finally {
      lua.lua_settop(L, 0);
    }
  }

  close(): void {
    lua.lua_close(this.#L);
  }

  #define(name: string, run: () => number): void {
    lua.lua_pushcfunction(this.#L, run);
    lua.lua_setfield(this.#L, -2, text(name));
  }

  #global(name: LuaBytes, values: readonly Bytes[]): void {
    const L = this.#L;
    lua.lua_rawgeti(L, lua.LUA_REGISTRYINDEX, lua.LUA_RIDX_GLOBALS);
    lua.lua_pushstring(L, name);
    this.#push([...values]);
    lua.lua_rawset(L, -3);
    lua.lua_pop(L, 1);
  }

  /** redis.call and redis.pcall: they differ in that the first raises an error reply. */
  #command(raise: boolean): number {
    const L = this.#L;
    const command: Bytes[] = [];
    const count = lua.lua_gettop(L);
    let reply: Result | undefined;
    for (let i = 1; i <= count; i++) {
      const type = lua.lua_type(L, i);
      if (type === lua.LUA_TSTRING) command.push(toBytes(lua.lua_tostring(L, i)));
      else if (type === lua.LUA_TNUMBER) command.push(String(lua.lua_tonumber(L, i)));
      else reply = new ReplyError("ERR Lua redis lib command arguments must be strings or integers");
    }
    if (count === 0)
      reply = new ReplyError("ERR Please specify at least one argument for this redis.call() call");
    reply ??= this.#call(command);
    this.#push(reply);
    if (raise && reply instanceof ReplyError) lua.lua_error(L);
    return 1;
  }

  /** Redis's reply as Lua sees it: nil is false. Numbers are doubles, as fengari's integers wrap at 32 bits. */
  #push(reply: Result): void {
    const L = this.#L;
    if (typeof reply === "string") pushBytes(L, reply);
    else if (typeof reply === "number") lua.lua_pushnumber(L, reply);
    else if (reply === null) lua.lua_pushboolean(L, false);
    else if (Array.isArray(reply)) {
      lua.lua_createtable(L, reply.length, 0);
      reply.forEach((item, i) => {
        this.#push(item);
        lua.lua_rawseti(L, -2, i + 1);
      });
    } else {
      lua.lua_createtable(L, 0, 1);
      const failed = reply instanceof ReplyError;
      pushBytes(L, failed ? reply.message : reply.text);
      lua.lua_setfield(L, -2, failed ? RUNNING.err : RUNNING.ok);
    }
  }

  /** The value on top of the stack as a reply: arrays end at the first nil, fractions are cut off. */
  #result(): Result {
    const L = this.#L;
    const type = lua.lua_type(L, -1);
    if (type === lua.LUA_TSTRING) return toBytes(lua.lua_tostring(L, -1));
    if (type === lua.LUA_TNUMBER) return Math.trunc(lua.lua_tonumber(L, -1)) + 0;
    if (type === lua.LUA_TBOOLEAN) return lua.lua_toboolean(L, -1) ? 1 : null;
    if (type !== lua.LUA_TTABLE) return null;
    const failed = this.#field(RUNNING.err);
    if (failed !== undefined) return new ReplyError(failed);
    const status = this.#field(RUNNING.ok);
    if (status !== undefined) return new SimpleString(status);
    const items: Result[] = [];
    while (lua.lua_rawgeti(L, -1, items.length + 1) !== lua.LUA_TNIL) {
      items.push(this.#result());
      lua.lua_pop(L, 1);
    }
    lua.lua_pop(L, 1);
    return items;
  }

  /** A string field of the table on top of the stack. */
  #field(name: LuaBytes): Bytes | undefined {
    const L = this.#L;
    lua.lua_pushstring(L, name);
    const found = lua.lua_rawget(L, -2) === lua.LUA_TSTRING ? toBytes(lua.lua_tostring(L, -1)) : undefined;
    lua.lua_pop(L, 1);
    return found;
  }

  /** The error of the script: an error reply's text, or `ERR` and the message. */
  #raised(): Bytes {
    const L = this.#L;
    const type = lua.lua_type(L, -1);
    if (type === lua.LUA_TTABLE) return this.#field(RUNNING.err) ?? "ERR unknown error";
    return `ERR ${type === lua.LUA_TSTRING ? toBytes(lua.lua_tostring(L, -1)) : "unknown error"}`;
  }
}

/** The script's line that is running, seen from a message handler. */
function currentLine(L: LuaState): string {
  for (let level = 1; level < 8; level++) {
    lauxlib.luaL_where(L, level);
    const where = toBytes(lua.lua_tostring(L, -1));
    lua.lua_pop(L, 1);
    const line = /^user_script:(\d+):/.exec(where)?.[1];
    if (line) return line;
  }
  return "?";
}

function pushBytes(L: LuaState, value: Bytes): void {
  lua.lua_pushstring(L, fromBytes(value));
}

function fromBytes(value: Bytes): LuaBytes {
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i++) bytes[i] = value.charCodeAt(i);
  return bytes;
}

function toBytes(value: LuaBytes): Bytes {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString("latin1");
}
