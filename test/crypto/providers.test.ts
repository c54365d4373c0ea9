import { execFile } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { nodeCrypto } from "../../src/adapters/crypto/node-crypto.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { hex } from "../../src/shared/bytes.ts";
import { denoProgram } from "../support/deno-program.ts";
import { root } from "../support/process.ts";
import { answersOf, misread, sealedBy } from "./answers.ts";

const seed = Number(process.env["SEED"] ?? Date.now());
const both = [
  ["Web Crypto", webCrypto],
  ["node:crypto", nodeCrypto],
] as const;

test("both providers give the same answers", async () => {
  const answers = await answersOf(webCrypto);
  expect(Object.keys(answers).length).toBeGreaterThan(100);
  expect(await answersOf(nodeCrypto)).toEqual(answers);
});

test("each opens what the other has sealed, and nothing that is damaged or bound to something else", async () => {
  expect(await misread(nodeCrypto, await sealedBy(webCrypto))).toEqual([]);
  expect(await misread(webCrypto, await sealedBy(nodeCrypto))).toEqual([]);
});

test("no two sealed texts are the same", async () => {
  for (const [, provider] of both) {
    const [first, second] = [await sealedBy(provider), await sealedBy(provider)];
    expect(new Set([...first, ...second]).size).toBe(first.length + second.length);
  }
});

test("on Deno they give the answers that they give here, and open what was sealed here", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ringback-crypto-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "sealed.json");
  await writeFile(file, JSON.stringify(await sealedBy(webCrypto)));
  const { command, args } = denoProgram("test/crypto/deno-answers.ts", [file], [`--allow-read=.,${folder}`]);
  const { stdout } = await promisify(execFile)(command, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  const there = JSON.parse(stdout) as Record<"answers" | "sealed" | "misread", unknown[]>; // as the program prints it
  const here = await answersOf(webCrypto);
  expect(there.answers).toEqual([here, here]);
  expect(there.misread).toEqual([[], []]);
  for (const sealed of there.sealed as string[][]) expect(await misread(webCrypto, sealed)).toEqual([]);
}, 60_000);

describe.each(both)(`%s, seed ${seed}`, (_name, provider) => {
  const some = fc.uint8Array({ maxLength: 300 }).map((bytes) => Uint8Array.from(bytes));

  test("hashes as Node does", async () => {
    await fc.assert(
      fc.asyncProperty(some, some, async (bytes, key) => {
        expect(hex(await provider.sha256(bytes))).toBe(createHash("sha256").update(bytes).digest("hex"));
        expect(hex(await provider.sha1(bytes))).toBe(createHash("sha1").update(bytes).digest("hex"));
        const mac = await provider.mac(key);
        expect(hex(await mac(bytes))).toBe(createHmac("sha256", key).update(bytes).digest("hex"));
      }),
      { seed, numRuns: 200 },
    );
  });

  test("takes bytes for equal only when their lengths and all of them are", () => {
    fc.assert(
      fc.property(some, fc.nat(), (bytes, at) => {
        expect(provider.equal(bytes, bytes.slice())).toBe(true);
        const place = at % Math.max(bytes.length, 1);
        const changed = bytes.map((byte, index) => (index === place ? byte ^ 1 : byte));
        expect(provider.equal(bytes, changed)).toBe(bytes.length === 0);
        expect(provider.equal(bytes, Uint8Array.from([...bytes, 0]))).toBe(false);
        expect(provider.equal(Uint8Array.from([0, ...bytes]), bytes)).toBe(false);
      }),
      { seed, numRuns: 200 },
    );
    expect(provider.equal(new Uint8Array(), new Uint8Array())).toBe(true);
  });

  test("keeps what it hashed, sealed and opened in memory of its own", async () => {
    const aead = await (await provider.derivation(new Uint8Array(32))).aead("a key");
    const sealed = await aead.seal(new Uint8Array(8), new Uint8Array());
    const opened = await aead.open(sealed, new Uint8Array());
    const mac = await provider.mac(new Uint8Array(1));
    for (const bytes of [sealed, opened, await mac(sealed), await provider.sha256(sealed)]) {
      expect(bytes?.constructor).toBe(Uint8Array);
      expect(bytes?.buffer.byteLength).toBe(bytes?.byteLength);
    }
  });

  test.each(["{}", '{"kty":"OKP","crv":"Ed25519","x":"","d":""}', '{"kty":"RSA"}'])(
    "%s is not a private key",
    async (jwk) => {
      const signer = async () => await provider.signer(JSON.parse(jwk) as JsonWebKey); // on purpose it is none
      await expect(signer()).rejects.toThrow();
    },
  );
});
