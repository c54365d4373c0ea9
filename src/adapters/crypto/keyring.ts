import type { CryptoProvider } from "../../ports/crypto-provider.ts";
import { Undecryptable } from "../../ports/errors.ts";
import type { Binding, Keyring } from "../../ports/keyring.ts";
import { base64url, fromBase64url, utf8 } from "../../shared/bytes.ts";
import type { Bytes } from "../../shared/hashes.ts";
import { createApiKeyCheck, issueApiKey } from "./api-keys.ts";
import { derive, type Find, type Generation } from "./generation.ts";
import { openSession, sealSession } from "./sessions.ts";
import { isProbe, issueLink, issueProbe, issueTaskToken, verifyLink, verifyTaskToken } from "./tokens.ts";

/**
 * Derives everything from the master secret. During a rotation, the previous secret decrypts its own texts.
 *
 * @param encryptsBound whether new texts are bound to their purpose and project, asked for each; both forms are opened
 */
export function createKeyring(
  provider: CryptoProvider,
  master: string,
  previous?: string,
  encryptsBound: () => Promise<boolean> = async () => true,
): Keyring {
  const current = derive(provider, master);
  const generations = previous === undefined ? [current] : [current, derive(provider, previous)];
  const find = async (id: string) =>
    (await Promise.all(generations)).find((generation) => generation.id === id);
  return {
    issueApiKey: (project, key, secret) => issueApiKey(current, project, key, secret),
    verifyApiKey: createApiKeyCheck(provider, find),
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
    verifyReadToken: (text, task, now) => verifyLink(provider, find, "readTokens", text, task, now),
    issueEventsToken: (project, task, expiresAt) =>
      issueLink(current, "eventsTokens", project, task, expiresAt),
    verifyEventsToken: (text, task, now) => verifyLink(provider, find, "eventsTokens", text, task, now),
    issueBrowserToken: (project, task, expiresAt) =>
      issueLink(current, "browserTokens", project, task, expiresAt),
    verifyBrowserToken: (text, task, now) => verifyLink(provider, find, "browserTokens", text, task, now),
    issueTaskToken: (token) => issueTaskToken(current, token),
    verifyTaskToken: (text) => verifyTaskToken(provider, find, text),
    issueProbe: () => issueProbe(current),
    isProbe: (text) => isProbe(provider, find, text),
    sealSession: (session) => sealSession(current, session),
    openSession: (text) => openSession(find, text),
  };
}

/**
 * Decrypts texts that are bound to purpose and project; a text without that mark has the form of the previous
 * release, without a binding.
 */
const BOUND = "v2";

function associatedData({ purpose, project }: Binding): Bytes {
  return utf8(`ringback/${purpose}/${project}`);
}

const UNBOUND = new Uint8Array();

/** `v2.<generation>.<nonce and ciphertext, base64url>`, AES-256-GCM; without a binding `v2.` is missing. */
async function wrap(
  current: Promise<Generation>,
  secret: string,
  binding: Binding | undefined,
): Promise<string> {
  const generation = await current;
  const sealed = await generation.wrapping.seal(utf8(secret), binding ? associatedData(binding) : UNBOUND);
  const text = `${generation.id}.${base64url(sealed)}`;
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
  const opened = await generation.wrapping.open(bytes, bound ? associatedData(binding) : UNBOUND);
  if (!opened) throw new Undecryptable("It was not encrypted for this purpose and project.");
  return new TextDecoder().decode(opened);
}
