import type { Aead, CryptoProvider } from "../../src/ports/crypto-provider.ts";
import { fromHex, hex, utf8 } from "../../src/shared/bytes.ts";
import type { Bytes } from "../../src/shared/hashes.ts";

/** Texts of every kind: empty, not ASCII, shorter and longer than a block of SHA-256, and large. */
const TEXTS = [
  utf8(""),
  utf8("\0"),
  utf8("grüß dich \u{1F600}"),
  new Uint8Array(64).fill(255),
  utf8("a".repeat(65)),
  new Uint8Array(300_000).map((_byte, index) => index * 31),
];

/** Ed25519, RFC 8037, appendix A.1. */
const JWK = {
  kty: "OKP",
  crv: "Ed25519",
  d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
};

/** The cipher for secrets at rest, from a fixed master secret. */
async function aeadOf(provider: CryptoProvider): Promise<Aead> {
  return (await provider.derivation(utf8("a master secret"))).aead("ringback/wrapping");
}

const BOUND = utf8("ringback/header/prj_1");

/** Each text, sealed by a provider, in hex. */
export async function sealedBy(provider: CryptoProvider): Promise<readonly string[]> {
  const aead = await aeadOf(provider);
  return await Promise.all(TEXTS.map(async (text) => hex(await aead.seal(text, BOUND))));
}

/** The sealed texts that a provider does not open as they were, or opens although they are damaged. */
export async function misread(provider: CryptoProvider, sealed: readonly string[]): Promise<string[]> {
  const aead = await aeadOf(provider);
  const faults: string[] = [];
  for (const [index, text] of TEXTS.entries()) {
    const whole = fromHex(sealed[index] ?? "");
    const opened = await aead.open(whole, BOUND);
    if (!opened || hex(opened) !== hex(text)) faults.push(`${index} does not open`);
    const other = whole.map((byte, at) => (at === whole.length - 1 ? byte ^ 1 : byte));
    const damaged: readonly (readonly [string, Bytes, Bytes])[] = [
      ["another tag", other, BOUND],
      ["another nonce", whole.map((byte, at) => (at === 0 ? byte ^ 1 : byte)), BOUND],
      ["bound to something else", whole, utf8("ringback/header/prj_2")],
      ["bound to nothing", whole, new Uint8Array()],
      ["cut off", whole.slice(0, -1), BOUND],
      ["shorter than a tag", whole.slice(0, 27), BOUND],
      ["a nonce alone", whole.slice(0, 12), BOUND],
      ["empty", new Uint8Array(), BOUND],
    ];
    for (const [what, bytes, bound] of damaged) {
      if ((await aead.open(bytes, bound)) !== undefined) faults.push(`${index} opens: ${what}`);
    }
  }
  return faults;
}

/** What a provider answers to all of them, as text. Two providers that agree have the same answers. */
export async function answersOf(provider: CryptoProvider): Promise<Readonly<Record<string, string>>> {
  const answers: Record<string, string> = {};
  for (const [index, text] of TEXTS.entries()) {
    answers[`sha256 ${index}`] = hex(await provider.sha256(text));
    answers[`sha1 ${index}`] = hex(await provider.sha1(text));
    answers[`Ed25519 ${index}`] = hex(await (await provider.signer(JWK))(text));
    const keys = await provider.derivation(text);
    const { length: size } = text;
    for (const info of ["", "ringback/api-key", "schlüssel"]) {
      answers[`mac derived from ${size} bytes for "${info}"`] = hex(await (await keys.mac(info))(text));
      for (const length of [1, 4, 32, 100]) {
        answers[`${length} bytes derived from ${size} for "${info}"`] = hex(await keys.bits(info, length));
      }
    }
    for (const [key, bytes] of TEXTS.entries()) {
      answers[`mac ${index} with key ${key}`] = hex(await (await provider.mac(bytes))(text));
    }
  }
  return answers;
}
