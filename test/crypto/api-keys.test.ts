import { describe, expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import type { ApiKeyProof } from "../../src/ports/keyring.ts";
import { idOf } from "../../src/shared/id.ts";
import { unexpected } from "../support/parts.ts";

const MASTER = "the first master secret, 01";
const project = idOf("prj", new Uint8Array(16).fill(7));

/** A keyring, and how many digests it has computed: one for each key that it verifies. */
function counted(master: string, previous?: string) {
  let digests = 0;
  const sha256: typeof webCrypto.sha256 = (bytes) => {
    digests += 1;
    return webCrypto.sha256(bytes);
  };
  return { keyring: createKeyring({ ...webCrypto, sha256 }, master, previous), digests: () => digests };
}

const issuer = createKeyring(webCrypto, MASTER);
const issue = (id: number, by = issuer): Promise<string> => {
  const key = new Uint8Array(16);
  new DataView(key.buffer).setUint32(0, id);
  return by.issueApiKey(project, key, new Uint8Array(24));
};

describe("a verified API key", () => {
  test("is verified once and has the same claims from then on", async () => {
    const { keyring, digests } = counted(MASTER);
    const key = await issue(1);
    const claims = await keyring.verifyApiKey(key, unexpected);
    expect(claims).toMatchObject({ project, key: "00000001000000000000000000000000" });
    expect(await keyring.verifyApiKey(key, unexpected)).toEqual(claims);
    expect(digests()).toBe(1);
  });

  test("vouches for no other text: each character counts", async () => {
    const { keyring } = counted(MASTER);
    const key = await issue(1);
    await keyring.verifyApiKey(key, unexpected);
    const refuse = (): Promise<ApiKeyProof> => Promise.resolve({ kind: "refused" });
    for (let at = 3; at < key.length; at++) {
      const other = key[at] === "A" ? "B" : "A";
      const forged = key.slice(0, at) + other + key.slice(at + 1);
      expect(await keyring.verifyApiKey(forged, refuse), `character ${at}`).toBeUndefined();
    }
  });

  test("is forgotten after a thousand others", async () => {
    const { keyring, digests } = counted(MASTER);
    const first = await issue(0);
    const others = await Promise.all(Array.from({ length: 1_000 }, (_, id) => issue(id + 1)));
    for (const key of [first, ...others]) await keyring.verifyApiKey(key, unexpected);
    await keyring.verifyApiKey(others[0] ?? "", unexpected);
    expect(digests()).toBe(1_001);
    await keyring.verifyApiKey(first, unexpected);
    expect(digests()).toBe(1_002);
  });

  test("of the previous master secret is none after the rotation, unless Redis has its proof", async () => {
    const key = await issue(1);
    const during = createKeyring(webCrypto, "the second master secret, 02", MASTER);
    expect(await during.verifyApiKey(key, unexpected)).toBeDefined();
    const after = createKeyring(webCrypto, "the second master secret, 02");
    expect(await after.verifyApiKey(key, () => Promise.resolve({ kind: "refused" }))).toBeUndefined();
  });

  test("of a generation that is not configured is proved each time: what Redis has may change", async () => {
    const other = createKeyring(webCrypto, "another master secret, 03");
    const key = await issue(1, other);
    const [generation] = await other.generations();
    const proofs: ApiKeyProof[] = [
      { kind: "mac", key: generation?.apiKeys ?? "" },
      { kind: "none" },
      { kind: "refused" },
    ];
    const { keyring } = counted(MASTER);
    const verdicts: boolean[] = [];
    for (const proof of proofs) {
      verdicts.push((await keyring.verifyApiKey(key, () => Promise.resolve(proof))) !== undefined);
    }
    expect(verdicts).toEqual([true, true, false]);
  });
});
