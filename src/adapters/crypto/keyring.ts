import type { ApiKeyProof, Binding, Keyring, TaskToken } from "../../ports/dependencies.ts";
import { Undecryptable } from "../../ports/ports.ts";
import { base64url, concat, fromBase64url, fromHex, hex, sha256, utf8 } from "../../shared/bytes.ts";
import { idBytes, idOf } from "../../shared/id.ts";

const KEY_PREFIX = "rb_";
const MASTER_ID = 4;
const PROJECT = 16;
const KEY = 16;
const SECRET = 24;
const MAC = 8;
/** Length of what the MAC of an API key covers. */
const SIGNED = MASTER_ID + PROJECT + KEY + SECRET;
/** Tokens in links, by the key that signs them: a result's, a live timeline's. */
const LINKS = { readTokens: "rbr_", eventsTokens: "rbe_" } as const;
const TASK_TOKEN_PREFIX = "rbt_";
const PROBE_PREFIX = "rbp_";
const PROBE = 16;
const TASK = 16;
/** Length of what the MAC of a task token covers: generation, project, task, run, attempt, expiry in seconds. */
const TASK_TOKEN_SIGNED = MASTER_ID + PROJECT + TASK + 12;

/** One generation of the master secret and the keys derived from it (HKDF, RFC 5869). */
interface Generation {
  /** The first four bytes of the secret's derived fingerprint, in hex. */
  readonly id: string;
  readonly apiKeys: CryptoKey;
  /** The key that MACs API keys, as base64url. */
  readonly exportApiKeys: () => Promise<string>;
  readonly readTokens: CryptoKey;
  readonly eventsTokens: CryptoKey;
  readonly taskTokens: CryptoKey;
  readonly probes: CryptoKey;
  readonly wrapping: CryptoKey;
}

/**
 * Derives everything from the master secret; the previous one opens what it sealed while it rotates.
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
    issueReadToken: (project, task, expiresAt) => sealLink(current, "readTokens", project, task, expiresAt),
    verifyReadToken: (text, task, now) => openLink(find, "readTokens", text, task, now),
    issueEventsToken: (project, task, expiresAt) =>
      sealLink(current, "eventsTokens", project, task, expiresAt),
    verifyEventsToken: (text, task, now) => openLink(find, "eventsTokens", text, task, now),
    issueTaskToken: (token) => issueTaskToken(current, token),
    verifyTaskToken: (text) => verifyTaskToken(find, text),
    sealProbe: () => sealProbe(current),
    isProbe: (text) => isProbe(find, text),
  };
}

type Find = (id: string) => Promise<Generation | undefined>;

async function derive(master: string): Promise<Generation> {
  const source = await crypto.subtle.importKey("raw", utf8(master), "HKDF", false, [
    "deriveBits",
    "deriveKey",
  ]);
  const hkdf = (info: string) => ({
    name: "HKDF",
    hash: "SHA-256",
    salt: new Uint8Array(),
    info: utf8(`ringback/${info}`),
  });
  const mac = (info: string) =>
    crypto.subtle.deriveKey(hkdf(info), source, { name: "HMAC", hash: "SHA-256", length: 256 }, false, [
      "sign",
      "verify",
    ]);
  const [id, apiKeys, readTokens, eventsTokens, taskTokens, probes, wrapping] = await Promise.all([
    crypto.subtle.deriveBits(hkdf("generation"), source, MASTER_ID * 8),
    mac("api-key"),
    mac("read-token"),
    mac("events-token"),
    mac("task-token"),
    mac("probe"),
    crypto.subtle.deriveKey(hkdf("wrapping"), source, { name: "AES-GCM", length: 256 }, false, [
      "encrypt",
      "decrypt",
    ]),
  ]);
  const exportApiKeys = async () =>
    base64url(new Uint8Array(await crypto.subtle.deriveBits(hkdf("api-key"), source, 256)));
  return {
    id: hex(new Uint8Array(id)),
    apiKeys,
    exportApiKeys,
    readTokens,
    eventsTokens,
    taskTokens,
    probes,
    wrapping,
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

/** A key of a generation that is no longer configured is proven by what is kept of it; Redis decides in the end. */
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
  if (!bytes) throw new Undecryptable("What is kept of a generation is no key.");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

/** Before what is bound to its purpose and project; what lacks it is in the form of the release before, bound to neither. */
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
  if (!generation || !bytes) throw new Undecryptable("No configured master secret opens it.");
  const algorithm = {
    name: "AES-GCM",
    iv: bytes.slice(0, 12),
    ...(bound && { additionalData: associatedData(binding) }),
  };
  try {
    const opened = await crypto.subtle.decrypt(algorithm, generation.wrapping, bytes.slice(12));
    return new TextDecoder().decode(opened);
  } catch (cause) {
    throw new Undecryptable("It is not what was encrypted for this purpose and project.", { cause });
  }
}

/** The kind's prefix + base64url(generation, project, expiry in seconds, MAC over them and the task's id). */
async function sealLink(
  current: Promise<Generation>,
  kind: keyof typeof LINKS,
  project: string,
  task: string,
  expiresAt: number,
): Promise<string> {
  const generation = await current;
  const expiry = new Uint8Array(4);
  new DataView(expiry.buffer).setUint32(0, Math.floor(expiresAt / 1_000));
  const head = concat(fromHex(generation.id), idBytes(project), expiry);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", generation[kind], concat(head, utf8(task))));
  return LINKS[kind] + base64url(concat(head, mac));
}

async function openLink(
  find: Find,
  kind: keyof typeof LINKS,
  text: string,
  task: string,
  now: number,
): Promise<string | undefined> {
  const prefix = LINKS[kind];
  const bytes = text.startsWith(prefix) ? fromBase64url(text.slice(prefix.length)) : undefined;
  const head = bytes?.slice(0, MASTER_ID + PROJECT + 4);
  if (!bytes || !head || bytes.length !== head.length + 32) return undefined;
  const generation = await find(hex(head.subarray(0, MASTER_ID)));
  if (!generation) return undefined;
  const genuine = await crypto.subtle.verify(
    "HMAC",
    generation[kind],
    bytes.slice(head.length),
    concat(head, utf8(task)),
  );
  const expiry = new DataView(head.buffer).getUint32(MASTER_ID + PROJECT);
  if (!genuine || expiry * 1_000 <= now) return undefined;
  return idOf("prj", head.subarray(MASTER_ID, MASTER_ID + PROJECT));
}

/** `rbt_` + base64url(generation, project, task, run, attempt, expiry in seconds, MAC over them). */
async function issueTaskToken(current: Promise<Generation>, token: TaskToken): Promise<string> {
  const generation = await current;
  const numbers = new DataView(new ArrayBuffer(12));
  numbers.setUint32(0, token.run);
  numbers.setUint32(4, token.attempt);
  numbers.setUint32(8, Math.ceil(token.expiresAt / 1_000));
  const signed = concat(
    fromHex(generation.id),
    idBytes(token.project),
    idBytes(token.task),
    new Uint8Array(numbers.buffer),
  );
  const mac = await crypto.subtle.sign("HMAC", generation.taskTokens, signed);
  return TASK_TOKEN_PREFIX + base64url(concat(signed, new Uint8Array(mac)));
}

async function verifyTaskToken(find: Find, text: string): Promise<TaskToken | undefined> {
  const bytes = text.startsWith(TASK_TOKEN_PREFIX)
    ? fromBase64url(text.slice(TASK_TOKEN_PREFIX.length))
    : undefined;
  if (bytes?.length !== TASK_TOKEN_SIGNED + 32) return undefined;
  const signed = bytes.slice(0, TASK_TOKEN_SIGNED);
  const generation = await find(hex(signed.subarray(0, MASTER_ID)));
  if (!generation) return undefined;
  const genuine = await crypto.subtle.verify(
    "HMAC",
    generation.taskTokens,
    bytes.slice(TASK_TOKEN_SIGNED),
    signed,
  );
  if (!genuine) return undefined;
  const numbers = new DataView(signed.buffer, MASTER_ID + PROJECT + TASK);
  return {
    project: idOf("prj", signed.subarray(MASTER_ID, MASTER_ID + PROJECT)),
    task: idOf("task", signed.subarray(MASTER_ID + PROJECT, MASTER_ID + PROJECT + TASK)),
    run: numbers.getUint32(0),
    attempt: numbers.getUint32(4),
    expiresAt: numbers.getUint32(8) * 1_000,
  };
}

/** `rbp_` + base64url(generation, 16 random bytes, MAC over them). */
async function sealProbe(current: Promise<Generation>): Promise<string> {
  const generation = await current;
  const signed = concat(fromHex(generation.id), crypto.getRandomValues(new Uint8Array(PROBE)));
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", generation.probes, signed));
  return PROBE_PREFIX + base64url(concat(signed, mac));
}

async function isProbe(find: Find, text: string): Promise<boolean> {
  const bytes = text.startsWith(PROBE_PREFIX) ? fromBase64url(text.slice(PROBE_PREFIX.length)) : undefined;
  if (bytes?.length !== MASTER_ID + PROBE + 32) return false;
  const signed = bytes.slice(0, MASTER_ID + PROBE);
  const generation = await find(hex(signed.subarray(0, MASTER_ID)));
  if (!generation) return false;
  return await crypto.subtle.verify("HMAC", generation.probes, bytes.slice(MASTER_ID + PROBE), signed);
}

/** Compares in constant time, whatever the first differing byte. */
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
