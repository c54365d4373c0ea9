/** A Lua state; only ever handed back to the library. */
export type LuaState = object & { readonly __lua: never };
export type LuaBytes = Uint8Array;

/** The part of fengari (Lua's C API in JavaScript, without types of its own) that runs scripts. */
export interface Fengari {
  to_luastring(text: string): LuaBytes;
  lua: {
    LUA_OK: number;
    LUA_TNIL: number;
    LUA_TBOOLEAN: number;
    LUA_TNUMBER: number;
    LUA_TSTRING: number;
    LUA_TTABLE: number;
    LUA_REGISTRYINDEX: number;
    LUA_RIDX_GLOBALS: number;
    lua_close(L: LuaState): void;
    lua_createtable(L: LuaState, array: number, fields: number): void;
    lua_error(L: LuaState): never;
    lua_getfield(L: LuaState, index: number, name: LuaBytes): number;
    lua_gettop(L: LuaState): number;
    lua_pcall(L: LuaState, args: number, results: number, handler: number): number;
    lua_pop(L: LuaState, count: number): void;
    lua_pushboolean(L: LuaState, value: boolean): void;
    lua_pushcfunction(L: LuaState, run: (L: LuaState) => number): void;
    lua_pushnumber(L: LuaState, value: number): void;
    lua_pushstring(L: LuaState, value: LuaBytes): void;
    lua_pushvalue(L: LuaState, index: number): void;
    lua_rawget(L: LuaState, index: number): number;
    lua_rawgeti(L: LuaState, index: number, at: number): number;
    lua_rawset(L: LuaState, index: number): void;
    lua_rawseti(L: LuaState, index: number, at: number): void;
    lua_remove(L: LuaState, index: number): void;
    lua_setfield(L: LuaState, index: number, name: LuaBytes): void;
    lua_setglobal(L: LuaState, name: LuaBytes): void;
    lua_settop(L: LuaState, index: number): void;
    lua_toboolean(L: LuaState, index: number): boolean;
    lua_tonumber(L: LuaState, index: number): number;
    lua_tostring(L: LuaState, index: number): LuaBytes;
    lua_type(L: LuaState, index: number): number;
  };
  lauxlib: {
    luaL_loadbuffer(L: LuaState, source: LuaBytes, size: number, name: LuaBytes): number;
    luaL_newstate(): LuaState;
    luaL_ref(L: LuaState, table: number): number;
    luaL_unref(L: LuaState, table: number, ref: number): void;
    luaL_requiref(L: LuaState, name: LuaBytes, open: (L: LuaState) => number, global: boolean): void;
    luaL_where(L: LuaState, level: number): void;
  };
  lualib: Record<
    "luaopen_base" | "luaopen_table" | "luaopen_string" | "luaopen_math",
    (L: LuaState) => number
  >;
}

/** Loads fengari so that it prints whole numbers as Lua 5.1, Redis's Lua, does: `5`, not `5.0`. */
export async function loadFengari(): Promise<Fengari> {
  const before = process.env["FENGARICONF"];
  process.env["FENGARICONF"] = JSON.stringify({ LUA_COMPAT_FLOATSTRING: true });
  try {
    return (await import("fengari")).default; // read by the bundler too: the command line contains it
  } finally {
    if (before === undefined) delete process.env["FENGARICONF"];
    else process.env["FENGARICONF"] = before;
  }
}
