import { Undecryptable } from "../../ports/errors.ts";
import type { ApiKeyProof, Binding, Keyring } from "../../ports/keyring.ts";
import { base64url, concat, fromBase64url, fromHex, hex, sha256, utf8 } from "../../shared/bytes.ts";
import { idBytes, idOf } from "../../shared/id.ts";
import { derive, type Find, type Generation, MASTER_ID, PROJECT } from "./generation.ts";
import { openSession, sealSession } from "./sessions.ts";
import { isProbe, issueLink, issueProbe, issueTaskToken, verifyLink, verifyTaskToken } from "./tokens.ts";

const KEY_PREFIX = "rb_";
const KEY = 16;
const SECRET = 24;
const MAC = 8;
/** Length of the text that the MAC of an API key covers. */
const SIGNED = MASTER_ID + PROJECT + KEY + SECRET;

/**
 * Derives everything from the master secret. During a rotation, the previous secret decrypts its own texts.
 *
 * @param encryptsBound whether new texts are bound to their purpose and project, asked for each; both forms are opened
 */
export function createKeyring(
  master: string,
  previous?: string,
  encryptsBound: () => Promise<boolean> = async () => true,
): Keyring {
  const current = derive(master);
  const generations = previous === undefined ? [current] : [current, derive(previous)];
  const find = async (id: string) =>
    (await Promise.all(generations)).find((generation) => generation.id === id);
  return {
    issueApiKey: (project, key, secret) => issueApiKey(current, project, key, secret),
    verifyApiKey: (text, retired) => verifyApiKey(find, retired, text),
    generations: async () =>
      Promise.all(
        (await Promise.all(generations)).map(async ({ id, exportApiKeys }) => ({
          id,
          apiKeys: await exportApiKeys(),
        })),
      ),
    encrypt: async (secret, binding) => wrap(current, secret, (await encryptsBound()) ? binding : undefined),
    decrypt: (wrapped, binding) => unwrap(find, wrapped, binding),
    rotating: previous !== undefined,
    previousGeneration: async () => (await generations[1])?.id,
    generationOf: async (wrapped) => {
      const { id } = parseWrapped(wrapped);
      if (id === (await current).id) return "current";
      return (await find(id)) ? "previous" : "lost";
    },
    issueReadToken: (project, task, expiresAt) => issueLink(current, "readTokens", project, task, expiresAt),
    verifyReadToken: (text, task, now) => verifyLink(find, "readTokens", text, task, now),
    issueEventsToken: (project, task, expiresAt) =>
      issueLink(current, "eventsTokens", project, task, expiresAt),
    verifyEventsToken: (text, task, now) => verifyLink(find, "eventsTokens", text, task, now),
    issueBrowserToken: (project, task, expiresAt) =>
      issueLink(current, "browserTokens", project, task, expiresAt),
    verifyBrowserToken: (text, task, now) => verifyLink(find, "browserTokens", text, task, now),
    issueTaskToken: (token) => issueTaskToken(current, token),
    verifyTaskToken: (text) => verifyTaskToken(find, text),
    issueProbe: () => issueProbe(current),
    isProbe: (text) => isProbe(find, text),
    sealSession: (session) => sealSession(current, session),
    openSession: (text) => openSession(find, text),
  };
}

async function issueApiKey(
  current: Promise<Generation>,
  project: string,
  key: Uint8Array,
  secret: Uint8Array,
): Promise<string> {
  const generation = await current;
  const signed = concat(fromHex(generation.id), idBytes(project), key, secret);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", generation.apiKeys, signed));
  return KEY_PREFIX + base64url(concat(signed, mac.subarray(0, MAC)));
}

/** The stored proof verifies a key of a generation that is no longer configured; Redis decides in the end. */
async function verifyApiKey(find: Find, retired: (id: string) => Promise<ApiKeyProof>, text: string) {
  const bytes = text.startsWith(KEY_PREFIX) ? fromBase64url(text.slice(KEY_PREFIX.length)) : undefined;
  if (bytes?.length !== SIGNED + MAC) return undefined;
  const signed = bytes.slice(0, SIGNED);
  const id = hex(signed.subarray(0, MASTER_ID));
  const configured = (await find(id))?.apiKeys;
  const proof = configured ? undefined : await retired(id);
  if (proof?.kind === "refused") return undefined;
  const macKey = proof?.kind === "mac" ? await importMacKey(proof.key) : configured;
  if (macKey && !(await truncatedMacMatches(macKey, signed, bytes.subarray(SIGNED)))) return undefined;
  const project = signed.subarray(MASTER_ID, MASTER_ID + PROJECT);
  const key = signed.subarray(MASTER_ID + PROJECT, MASTER_ID + PROJECT + KEY);
  const hash = await sha256(signed.slice(SIGNED - SECRET));
  return { project: idOf("prj", project), key: hex(key), hash: hex(hash) };
}

function importMacKey(text: string): Promise<CryptoKey> {
  const bytes = fromBase64url(text);
  if (!bytes) throw new Undecryptable("The stored value of a generation is not a key.");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

/**
 * Decrypts texts that are bound to purpose and project; a text without that mark has the form of the previous
 * release, without a binding.
 */
const BOUND = "v2";

function associatedData({ purpose, project }: Binding): Uint8Array<ArrayBuffer> {
  return utf8(`ringback/${purpose}/${project}`);
}

/** `v2.<generation>.<nonce and ciphertext, base64url>`, AES-256-GCM; without a binding `v2.` is missing. */
async function wrap(
  current: Promise<Generation>,
  secret: string,
  binding: Binding | undefined,
): Promise<string> {
  const generation = await current;
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const algorithm = { name: "AES-GCM", iv, ...(binding && { additionalData: associatedData(binding) }) };
  const encrypted = await crypto.subtle.encrypt(algorithm, generation.wrapping, utf8(secret));
  const text = `${generation.id}.${base64url(concat(iv, new Uint8Array(encrypted)))}`;
  return binding ? `${BOUND}.${text}` : text;
}

function parseWrapped(wrapped: string): {
  readonly bound: boolean;
  readonly id: string;
  readonly text: string;
} {
  const [first = "", ...rest] = wrapped.split(".");
  const bound = first === BOUND;
  const [id = "", text = ""] = bound ? rest : [first, ...rest];
  return { bound, id, text };
}

async function unwrap(find: Find, wrapped: string, binding: Binding): Promise<string> {
  const { bound, id, text } = parseWrapped(wrapped);
  const generation = await find(id);
  const bytes = fromBase64url(text);
  if (!generation || !bytes) throw new Undecryptable("No configured master secret decrypts it.");
  const algorithm = {
    name: "AES-GCM",
    iv: bytes.slice(0, 12),
    ...(bound && { additionalData: associatedData(binding) }),
  };
  try {
    const opened = await crypto.subtle.decrypt(algorithm, generation.wrapping, bytes.slice(12));
    return new TextDecoder().decode(opened);
  } catch (cause) {
    throw new Undecryptable("It was not encrypted for this purpose and project.", { cause });
  }
}

/** Compares in constant time, wherever the first differing byte is. */
async function truncatedMacMatches(
  key: CryptoKey,
  signed: Uint8Array<ArrayBuffer>,
  mac: Uint8Array,
): Promise<boolean> {
  const expected = new Uint8Array(await crypto.subtle.sign("HMAC", key, signed));
  let difference = 0;
  for (let i = 0; i < MAC; i++) difference |= (expected[i] ?? 0) ^ (mac[i] ?? 0);
  return difference === 0;
}
