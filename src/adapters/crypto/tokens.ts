import type { TaskToken } from "../../projects/principal.ts";
import { base64url, concat, fromBase64url, fromHex, hex, utf8 } from "../../shared/bytes.ts";
import type { Hashes } from "../../shared/hashes.ts";
import { idBytes, idOf } from "../../shared/id.ts";
import { type Find, type Generation, MASTER_ID, PROJECT } from "./generation.ts";

/** Tokens that open one task, by the key that signs them: its result, its live timeline, everything to read of it. */
const LINKS = { readTokens: "rbr_", eventsTokens: "rbe_", browserTokens: "rbb_" } as const;
const TASK_TOKEN_PREFIX = "rbt_";
const PROBE_PREFIX = "rbp_";
const PROBE = 16;
const TASK = 16;
/**
 * Length of the text that the MAC of a task token covers: generation, project, task, run, attempt, expiry in seconds.
 */
const TASK_TOKEN_SIGNED = MASTER_ID + PROJECT + TASK + 12;
/** The kind's prefix + base64url(generation, project, expiry in seconds, MAC over them and the task's id). */
export async function issueLink(
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
  const mac = await generation[kind](concat(head, utf8(task)));
  return LINKS[kind] + base64url(concat(head, mac));
}

export async function verifyLink(
  hashes: Hashes,
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
  const expected = await generation[kind](concat(head, utf8(task)));
  const genuine = hashes.equal(expected, bytes.subarray(head.length));
  const expiry = new DataView(head.buffer).getUint32(MASTER_ID + PROJECT);
  if (!genuine || expiry * 1_000 <= now) return undefined;
  return idOf("prj", head.subarray(MASTER_ID, MASTER_ID + PROJECT));
}

/** `rbt_` + base64url(generation, project, task, run, attempt, expiry in seconds, MAC over them). */
export async function issueTaskToken(current: Promise<Generation>, token: TaskToken): Promise<string> {
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
  const mac = await generation.taskTokens(signed);
  return TASK_TOKEN_PREFIX + base64url(concat(signed, mac));
}

export async function verifyTaskToken(
  hashes: Hashes,
  find: Find,
  text: string,
): Promise<TaskToken | undefined> {
  const bytes = text.startsWith(TASK_TOKEN_PREFIX)
    ? fromBase64url(text.slice(TASK_TOKEN_PREFIX.length))
    : undefined;
  if (bytes?.length !== TASK_TOKEN_SIGNED + 32) return undefined;
  const signed = bytes.slice(0, TASK_TOKEN_SIGNED);
  const generation = await find(hex(signed.subarray(0, MASTER_ID)));
  if (!generation) return undefined;
  const expected = await generation.taskTokens(signed);
  if (!hashes.equal(expected, bytes.subarray(TASK_TOKEN_SIGNED))) return undefined;
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
export async function issueProbe(current: Promise<Generation>): Promise<string> {
  const generation = await current;
  const signed = concat(fromHex(generation.id), crypto.getRandomValues(new Uint8Array(PROBE)));
  return PROBE_PREFIX + base64url(concat(signed, await generation.probes(signed)));
}

export async function isProbe(hashes: Hashes, find: Find, text: string): Promise<boolean> {
  const bytes = text.startsWith(PROBE_PREFIX) ? fromBase64url(text.slice(PROBE_PREFIX.length)) : undefined;
  if (bytes?.length !== MASTER_ID + PROBE + 32) return false;
  const signed = bytes.slice(0, MASTER_ID + PROBE);
  const generation = await find(hex(signed.subarray(0, MASTER_ID)));
  if (!generation) return false;
  return hashes.equal(await generation.probes(signed), bytes.subarray(MASTER_ID + PROBE));
}
