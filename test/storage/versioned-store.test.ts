import { describe, expect, test } from "vitest";
import { VERSION_GOOD_FOR, versionedStore } from "../../src/adapters/redis/versioned-store.ts";
import { environments } from "../redis/store-fixture.ts";

describe.each(await environments())(
  "the version of what is stored, on the %s engine",
  (_kind, { store, redis }) => {
    test("is 1 while nobody says otherwise, and what the key says", async () => {
      expect(await store.version()).toMatchObject({ version: 1 });
      await redis("SET", "rb1:ver", "2");
      expect(await store.version()).toMatchObject({ version: 2 });
      await redis("SET", "rb1:ver", "two");
      await expect(store.version()).rejects.toThrow("is no version");
      await redis("DEL", "rb1:ver");
    });
  },
);

/** A store that counts how often its version was read, at a time that a test moves. */
function counting() {
  const state = { version: 1, bound: true, reads: 0, now: 0, away: false, pings: 0 };
  const store = {
    version: async () => {
      state.reads += 1;
      if (state.away) throw new Error("Redis is away");
      return { version: state.version, bound: state.bound };
    },
    ping: async () => {
      state.pings += 1;
      return true;
    },
  };
  return { state, store: versionedStore(store, () => state.now) };
}

describe("a store of a known version", () => {
  test("reads it once, then in good time next to a request, and waits for it only after its time", async () => {
    const { state, store } = counting();
    for (let n = 0; n < 5; n++) await store.ping();
    expect(state.reads).toBe(1);
    state.now = VERSION_GOOD_FOR / 2 + 1;
    await store.ping();
    await store.ping();
    expect(state.reads).toBe(2);
    state.now *= 4;
    await store.ping();
    expect(state).toMatchObject({ reads: 3, pings: 8 });
  });

  test("does nothing once it is too new, and goes on when it is not any more", async () => {
    const { state, store } = counting();
    await store.ping();
    state.version = 2;
    state.now = VERSION_GOOD_FOR;
    for (let n = 0; n < 3; n++) await expect(store.ping()).rejects.toMatchObject({ name: "StorageTooNew" });
    expect(state.pings).toBe(1);
    state.version = 1;
    await store.ping();
    expect(state.pings).toBe(2);
  });

  test("does nothing while the version is not known; that it cannot be read anew is no matter in its time", async () => {
    const { state, store } = counting();
    state.away = true;
    await expect(store.ping()).rejects.toThrow("away");
    state.away = false;
    await store.ping();
    state.away = true;
    state.now = VERSION_GOOD_FOR - 1;
    await store.ping();
    state.now = VERSION_GOOD_FOR;
    await expect(store.ping()).rejects.toThrow("away");
    expect(state.pings).toBe(2);
  });
});
