import { Undecryptable } from "../../ports/errors.ts";
import type { Cipher } from "../../ports/keyring.ts";
import type { Payload } from "../../tasks/record.ts";

declare const stored: unique symbol;

/** A payload's text as Redis keeps it. Only {@link Payloads.seal} makes one, and the scripts' arguments take no other. */
export type StoredPayload = string & { readonly [stored]: true };

/**
 * Encrypts payloads (inputs, results, bodies of events) for Redis: AES-256-GCM under the master secret, its generation
 * in front. Type, metadata, progress, errors and responses of receivers are not encrypted.
 */
export interface Payloads {
  seal(text: string, project: string): Promise<StoredPayload>;
  /** @throws Undecryptable when no configured master secret opens it */
  open(text: string, project: string): Promise<string>;
}

/** JSON never begins with it: what lies in the clear stays readable when encryption is switched on, and the other way. */
const SEALED = "~";

/** @param seals whether new payloads are encrypted; encrypted ones are opened in any case */
export function createPayloads(cipher: Cipher, seals: boolean): Payloads {
  const of = (project: string) => ({ purpose: "payload", project }) as const;
  return {
    seal: async (text, project) => {
      const written = seals ? SEALED + (await cipher.encrypt(text, of(project))) : text;
      return written as StoredPayload; // the one place that makes them
    },
    open: async (text, project) =>
      text.startsWith(SEALED) ? await cipher.decrypt(text.slice(SEALED.length), of(project)) : text,
  };
}

/** The text, or undefined when no configured master secret opens it: a list never fails for one of its tasks. */
export async function openIfPossible(
  payloads: Payloads,
  text: string,
  project: string,
): Promise<string | undefined> {
  try {
    return await payloads.open(text, project);
  } catch (error) {
    if (error instanceof Undecryptable) return undefined;
    throw error;
  }
}

/** A payload of a task, opened; it says when that is not possible. */
export async function openPayload(
  payloads: Payloads,
  { placement, json }: Payload,
  project: string,
): Promise<Payload> {
  if (json === undefined) return { placement };
  const opened = await openIfPossible(payloads, json, project);
  return opened === undefined ? { placement, undecryptable: true } : { placement, json: opened };
}
