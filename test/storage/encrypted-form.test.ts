import { expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { VERSION_GOOD_FOR, versionedStore } from "../../src/adapters/redis/versioned-store.ts";
import { UNBOUND_WRITES } from "../../src/shared/limits.ts";
import { loadKeys, readSnapshot } from "../fixtures/snapshot.ts";
import { KINDS, startStandIn } from "../local/redis-stand-in.ts";
import { storeOver } from "../redis/store-fixture.ts";
import { FIRST } from "./stored.ts";

/* In which form texts are encrypted: so that the release before reads them, where it may have to. */

const MASTER = "the first master secret, 01";
const BOUND = /^v2\./;
const binding = { purpose: "header", project: "prj_1" } as const;

/** An isolate's keyring, at a time of Redis's and of its own. */
function keyringAt(url: string, offset = 0, clock: () => number = Date.now) {
  const store = versionedStore(storeOver({ url }, offset), clock);
  return createKeyring(webCrypto, MASTER, undefined, store.encryptsBound);
}

test.each(KINDS)("a fresh deployment binds every text at once, on the %s engine", async (kind) => {
  const standIn = await startStandIn(kind);
  const keyring = keyringAt(standIn.url);
  const text = await keyring.encrypt("s3cret", binding);
  expect(text).toMatch(BOUND);
  expect(await keyring.decrypt(text, binding)).toBe("s3cret");
  await expect(keyring.decrypt(text, { ...binding, project: "prj_2" })).rejects.toThrow();
  await expect(keyring.decrypt(text, { ...binding, purpose: "payload" })).rejects.toThrow();
  await standIn.engine.call(["HSET", "rb1:dir", "shop", "prj_1"]);
  expect(await keyringAt(standIn.url).encrypt("s3cret", binding)).toMatch(BOUND); // decided once
  await standIn.stop();
});

test.each(KINDS)(
  "one that an earlier release has filled binds texts after seven days, on the %s engine",
  async (kind) => {
    const standIn = await startStandIn(kind);
    await loadKeys((words) => standIn.engine.call(words), (await readSnapshot(FIRST)).keys);
    let now = 0;
    const first = keyringAt(standIn.url, 0, () => now);
    const old = await first.encrypt("s3cret", binding);
    expect(old).not.toMatch(BOUND);
    expect(await keyringAt(standIn.url, UNBOUND_WRITES - 60_000).encrypt("s3cret", binding)).not.toMatch(
      BOUND,
    );
    const later = keyringAt(standIn.url, UNBOUND_WRITES);
    expect(await later.encrypt("s3cret", binding)).toMatch(BOUND);
    expect(await later.decrypt(old, binding)).toBe("s3cret");
    // An isolate that goes on learns of it with the version.
    await standIn.engine.call(["SET", "rb1:bound", "1"]);
    expect(await first.encrypt("s3cret", binding)).not.toMatch(BOUND);
    now = VERSION_GOOD_FOR;
    const bound = await first.encrypt("s3cret", binding);
    expect(bound).toMatch(BOUND);
    expect(await first.decrypt(bound, binding)).toBe("s3cret");
    await standIn.stop();
  },
);

test.each(KINDS)(
  "a gateway that is too old for what is stored decides nothing, on the %s engine",
  async (kind) => {
    const standIn = await startStandIn(kind);
    await standIn.engine.call(["SET", "rb1:ver", "2"]);
    await expect(keyringAt(standIn.url).encrypt("s3cret", binding)).rejects.toMatchObject({
      name: "StorageTooNew",
    });
    expect(await standIn.engine.call(["EXISTS", "rb1:bound"])).toBe(0);
    await standIn.stop();
  },
);
