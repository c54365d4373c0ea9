import { expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { base64url, utf8 } from "../../src/shared/bytes.ts";

const MASTER = "the first master secret, 01";
const binding = { purpose: "header", project: "prj_1" } as const;

test("what is encrypted opens for its purpose and project alone", async () => {
  const keyring = createKeyring(webCrypto, MASTER);
  const wrapped = await keyring.encrypt("s3cret", binding);
  expect(wrapped).toMatch(/^v2\.[0-9a-f]{8}\.[\w-]+$/);
  expect(await keyring.decrypt(wrapped, binding)).toBe("s3cret");
  expect(await keyring.generationOf(wrapped)).toBe("current");
  for (const other of [
    { ...binding, project: "prj_2" },
    { ...binding, purpose: "payload" },
    { ...binding, purpose: "signing-secret" },
  ] as const) {
    await expect(keyring.decrypt(wrapped, other)).rejects.toThrow();
  }
  await expect(keyring.decrypt(wrapped.slice("v2.".length), binding)).rejects.toThrow();
});

/** As texts were encrypted before they were bound: AES-256-GCM without associated data, the generation in front. */
async function unbound(master: string, text: string): Promise<string> {
  const raw = await crypto.subtle.importKey("raw", utf8(master), "HKDF", false, ["deriveKey", "deriveBits"]);
  const hkdf = (info: string) => ({
    name: "HKDF",
    hash: "SHA-256",
    salt: new Uint8Array(),
    info: utf8(info),
  });
  const id = new Uint8Array(await crypto.subtle.deriveBits(hkdf("ringback/generation"), raw, 32));
  const aes = { name: "AES-GCM", length: 256 };
  const key = await crypto.subtle.deriveKey(hkdf("ringback/wrapping"), raw, aes, false, ["encrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const encrypted = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, utf8(text)));
  return `${Buffer.from(id).toString("hex")}.${base64url(Uint8Array.from([...iv, ...encrypted]))}`;
}

test("what was encrypted before still opens, also under the previous master secret, and is bound when it is sealed anew", async () => {
  const old = await unbound(MASTER, "s3cret");
  expect(await createKeyring(webCrypto, MASTER).decrypt(old, binding)).toBe("s3cret");
  const rotating = createKeyring(webCrypto, "the second master secret, 02", MASTER);
  expect(await rotating.generationOf(old)).toBe("previous");
  expect(await rotating.previousGeneration()).toBe(old.split(".")[0]);
  expect(await rotating.decrypt(old, binding)).toBe("s3cret");
  const bound = await createKeyring(webCrypto, MASTER).encrypt("s3cret", binding);
  expect(await rotating.generationOf(bound)).toBe("previous");
  const lost = createKeyring(webCrypto, "a third master secret, 03");
  for (const text of [old, bound]) {
    expect(await lost.generationOf(text)).toBe("lost");
    await expect(lost.decrypt(text, binding)).rejects.toThrow(/No configured master secret/);
  }
});
