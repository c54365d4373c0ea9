import {
  CIRCUIT_FAILURES,
  CIRCUIT_MEMORY,
  CIRCUIT_OPEN,
  CIRCUIT_OPEN_LIMIT,
  CIRCUITS,
} from "../domain/limits.ts";

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

/** What a failed attempt does to its destination's circuit. */
export const FAILED = `
local function circuitFailed(proj, place, lease, t)
  local p = hash(proj)
  local c = circuitOf(p[place], t) or {fails = 0, last = t, open = 0, trips = 0, probe = '-'}
  c.fails = c.fails + 1
  c.last = t
  if c.trips > 0 and c.probe == lease or c.trips == 0 and c.fails >= ${CIRCUIT_FAILURES} then
    c.open = t + math.min(${CIRCUIT_OPEN_LIMIT}, ${CIRCUIT_OPEN} * 2 ^ c.trips)
    c.trips = c.trips + 1
    c.probe = '-'
  end
  local drops, count, oldest, age = {}, 0, nil, t + 1
  if not p[place] then
    for name, text in pairs(p) do
      if string.sub(name, 1, 2) == 'b:' then
        local other = circuitOf(text, t)
        if not other then drops[#drops + 1] = name
        else
          count = count + 1
          if other.last < age then oldest, age = name, other.last end
        end
      end
    end
    if count >= ${CIRCUITS} then drops[#drops + 1] = oldest end
  end
  redis.call('HSET', proj, place, circuitText(c))
  if #drops > 0 then redis.call('HDEL', proj, unpack(drops)) end
end
`;
