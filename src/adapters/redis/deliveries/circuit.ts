import {
  CIRCUIT_FAILURES,
  CIRCUIT_MEMORY,
  CIRCUIT_OPEN,
  CIRCUIT_OPEN_LIMIT,
  CIRCUITS,
} from "../../../shared/limits.ts";

/**
 * The circuits of a project's destinations (scheme, host and port), fields of its hash: `b:<destination>` is there
 * while a destination has failed last, and says `<failures in a row> <last failure> <open until> <trips> <probe>`.
 * The probe is the lease of the one attempt that is let through when an open circuit's time is up.
 */
export const CIRCUIT = `
local function placeOf(d) return 'b:' .. (d.place or string.match(d.url, '^%a+://[^/?#]+') or d.url) end
local function circuitOf(text, t)
  local fails, last, open, trips, probe = string.match(text or '', '^(%d+) (%d+) (%d+) (%d+) (%S+)$')
  if not fails or t - num(last) > ${CIRCUIT_MEMORY} then return nil end
  return {fails = num(fails), last = num(last), open = num(open), trips = num(trips), probe = probe}
end
local function circuitText(c)
  return ms(c.fails) .. ' ' .. ms(c.last) .. ' ' .. ms(c.open) .. ' ' .. ms(c.trips) .. ' ' .. c.probe
end
-- Lets one attempt through: what comes until its lease ends is held back.
local function probeBy(c, lease, till)
  c.open = till
  c.probe = lease
  return circuitText(c)
end
`;

/**
 * What an attempt does to its destination's circuit. `p:circuits` has the destinations by their last failure, so that
 * those beyond the limit are found without reading the project's hash.
 */
export const FAILED = `
local function circuitFailed(proj, circuits, place, lease, t)
  local c = circuitOf(redis.call('HGET', proj, place), t) or {fails = 0, last = t, open = 0, trips = 0, probe = '-'}
  c.fails = c.fails + 1
  c.last = t
  if c.trips > 0 and c.probe == lease or c.trips == 0 and c.fails >= ${CIRCUIT_FAILURES} then
    c.open = t + math.min(${CIRCUIT_OPEN_LIMIT}, ${CIRCUIT_OPEN} * 2 ^ c.trips)
    c.trips = c.trips + 1
    c.probe = '-'
  end
  file(circuits, ms(t), place, '${CIRCUIT_MEMORY}')
  redis.call('HSET', proj, place, circuitText(c))
  -- Those that failed longest ago go, whether or not their time is up.
  local over = num(redis.call('ZCARD', circuits)) - ${CIRCUITS}
  if over > 0 then
    local oldest = redis.call('ZRANGE', circuits, '0', ms(math.min(over, 100) - 1))
    redis.call('HDEL', proj, unpack(oldest))
    redis.call('ZREM', circuits, unpack(oldest))
  end
end
local function circuitClosed(proj, circuits, place)
  redis.call('HDEL', proj, place)
  redis.call('ZREM', circuits, place)
end
`;
