import type { ProbeNote, ProbeState } from "../../doctor/ports.ts";
import type { Context } from "./context.ts";
import { PROBED } from "./keys.ts";
import { fieldsOf, script } from "./script.ts";

/** How long what came of a probe is kept, in milliseconds. */
const TTL = 3_600_000;

/**
 * KEYS: the probe. ARGV: clock offset, nonce (empty: only read), milliseconds between probes, TTL.
 * Begins a probe unless the last one is too recent. Returns `begun` or `present`, Redis's time, and the fields.
 */
export const PROBE = script(
  "probe",
  `
local key, offset, nonce, every, ttl = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local t = now(offset)
local h = hash(key)
if nonce ~= '' and h.nonce ~= nonce and t - num(h.at) >= num(every) then
  redis.call('DEL', key)
  keep(key, ttl, {'nonce', nonce, 'at', ms(t)})
end
local fields, flat = hash(key)
return {nonce ~= '' and fields.nonce == nonce and 'begun' or 'present', ms(t), flat}
`,
);

/** KEYS: the probe. ARGV: nonce, field, value. Notes it once, of this probe alone. Returns `noted` or `stale`. */
export const PROBED_NOTE = script(
  "noteProbe",
  `
local key, nonce, field, value = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if redis.call('HGET', key, 'nonce') ~= nonce then return {'stale'} end
redis.call('HSETNX', key, field, value)
return {'noted'}
`,
);

/** Begins a probe, unless one was begun less than `every` milliseconds ago; without a nonce it only reads. */
export async function probe(context: Context, nonce: string, every: number): Promise<ProbeState> {
  const args = [context.offset, nonce, every, TTL];
  const [begun, now, flat] = await context.quick(PROBE, [PROBED], args);
  const { at, nonce: present, message, note, answer } = fieldsOf(flat);
  return {
    begun: begun === "begun",
    now: Number(now),
    at: Number(at ?? 0),
    nonce: present ?? "",
    ...(message !== undefined && { message }),
    ...(note !== undefined && { note }),
    ...(answer !== undefined && { answer }),
  };
}

export async function noteProbe(
  context: Context,
  nonce: string,
  field: ProbeNote,
  value: string,
): Promise<void> {
  await context.quick(PROBED_NOTE, [PROBED], [nonce, field, value]);
}
