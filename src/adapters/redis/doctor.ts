import type { ProbeNote, ProbeState } from "../../doctor/ports.ts";
import type { Context } from "./context.ts";
import { PROBED } from "./keys.ts";
import { fieldsOf, named, script } from "./script.ts";

/** How long what came of a probe is kept, in milliseconds. */
const TTL = 3_600_000;

/** Begins a probe unless the last one is too recent. */
export const PROBE = script(
  "probe",
  `
-- KEYS
--   probe          hash of the last probe
-- ARGV
--   offset         ms added to Redis's clock
--   nonce          name of the new probe; empty: only read
--   every          ms between probes
--   ttl            ms for which the probe is kept
-- RETURNS
--   begun, <now>, <probe>   the new probe; fields and values
--   present, <now>, <probe> the last one, which is too recent, or was only read
local probeKey = KEYS[1]
local args = named(ARGV)
local now = clock(args.offset)
local last = hash(probeKey)
if args.nonce ~= '' and last.nonce ~= args.nonce and now - number(last.at) >= number(args.every) then
  redis.call('DEL', probeKey)
  keep(probeKey, args.ttl, {'nonce', args.nonce, 'at', integer(now)})
end
local probe, flat = hash(probeKey)
return {args.nonce ~= '' and probe.nonce == args.nonce and 'begun' or 'present', integer(now), flat}
`,
);

/** Notes something of a probe once, while no other probe has begun. */
export const PROBED_NOTE = script(
  "noteProbe",
  `
-- KEYS
--   probe          hash of the last probe
-- ARGV
--   nonce          name of the probe
--   field, value   what is noted
-- RETURNS
--   noted                   now or before
--   stale                   another probe has begun
local probeKey = KEYS[1]
local args = named(ARGV)
if redis.call('HGET', probeKey, 'nonce') ~= args.nonce then return {'stale'} end
redis.call('HSETNX', probeKey, args.field, args.value)
return {'noted'}
`,
);

/** Begins a probe, unless one was begun less than `every` milliseconds ago; without a nonce it only reads. */
export async function probe(context: Context, nonce: string, every: number): Promise<ProbeState> {
  const args = named({ offset: context.offset, nonce, every, ttl: TTL });
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
  await context.quick(PROBED_NOTE, [PROBED], named({ nonce, field, value }));
}
