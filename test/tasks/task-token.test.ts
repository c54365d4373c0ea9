import { expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { makeId } from "../../src/shared/id.ts";

const MASTER = "a-master-secret-of-sufficient-length-1";
const NEXT = "a-master-secret-of-sufficient-length-2";
const BYTES = new Uint8Array(8).fill(7);
const token = {
  project: makeId("prj", 1_700_000_000_000, 0, BYTES),
  task: makeId("task", 1_700_000_001_000, 4_095, BYTES),
  run: 3,
  attempt: 70_000,
  expiresAt: 1_800_000_000_000,
};

test("a task token says whom it entitles, in at most 200 characters that fit into any URL", async () => {
  const keyring = createKeyring(webCrypto, MASTER);
  const text = await keyring.issueTaskToken(token);
  expect(text).toMatch(/^rbt_[A-Za-z0-9_-]{1,196}$/);
  expect(await keyring.verifyTaskToken(text)).toEqual(token);
  expect(await keyring.issueTaskToken(token)).toBe(text);
});

test("a task token of a previous master secret opens while that is configured, and not after", async () => {
  const text = await createKeyring(webCrypto, MASTER).issueTaskToken(token);
  expect(await createKeyring(webCrypto, NEXT, MASTER).verifyTaskToken(text)).toEqual(token);
  expect(await createKeyring(webCrypto, NEXT).verifyTaskToken(text)).toBeUndefined();
});

test("no changed byte, other length or other kind of token opens", async () => {
  const keyring = createKeyring(webCrypto, MASTER);
  const text = await keyring.issueTaskToken(token);
  const original = JSON.stringify(token);
  for (let at = 0; at < text.length; at++) {
    const changed = text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
    expect(JSON.stringify(await keyring.verifyTaskToken(changed)), changed).not.toBe(original);
  }
  const read = await keyring.issueReadToken(token.project, token.task, token.expiresAt);
  for (const other of ["", "rbt_", `${text}AAAA`, text.slice(0, -4), text.slice(4), read, "rbt_%00"]) {
    expect(await keyring.verifyTaskToken(other), other).toBeUndefined();
  }
});
