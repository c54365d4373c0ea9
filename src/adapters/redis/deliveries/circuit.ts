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
-- The name of a delivery's circuit, and the circuit from its text; nil when there is none, or its memory is over.
local function placeOf(delivery)
  return 'b:' .. (delivery.place or string.match(delivery.url, '^%a+://[^/?#]+') or delivery.url)
end
local function circuitOf(text, now)
  local fails, last, open, trips, probe = string.match(text or '', '^(%d+) (%d+) (%d+) (%d+) (%S+)$')
  if not fails or now - number(last) > ${CIRCUIT_MEMORY} then return nil end
  return {fails = number(fails), last = number(last), open = number(open), trips = number(trips), probe = probe}
end
local function circuitText(circuit)
  local times = integer(circuit.last) .. ' ' .. integer(circuit.open)
  return integer(circuit.fails) .. ' ' .. times .. ' ' .. integer(circuit.trips) .. ' ' .. circuit.probe
end
-- Lets one attempt through: what comes until its lease ends is held back.
local function probeBy(circuit, lease, till)
  circuit.open = till
  circuit.probe = lease
  return circuitText(circuit)
end
`;

/**
 * Updates the circuit of a destination after an attempt. `p:circuits` has the destinations by their last failure, so that
 * those beyond the limit are found without reading the project's hash.
 */
export const FAILED = `
local function circuitFailed(projectKey, circuitsKey, place, lease, now)
  local circuit = circuitOf(redis.call('HGET', projectKey, place), now)
    or {fails = 0, last = now, open = 0, trips = 0, probe = '-'}
  circuit.fails = circuit.fails + 1
  circuit.last = now
  local probeFailed = circuit.trips > 0 and circuit.probe == lease
  if probeFailed or circuit.trips == 0 and circuit.fails >= ${CIRCUIT_FAILURES} then
    circuit.open = now + math.min(${CIRCUIT_OPEN_LIMIT}, ${CIRCUIT_OPEN} * 2 ^ circuit.trips)
    circuit.trips = circuit.trips + 1
    circuit.probe = '-'
  end
  file(circuitsKey, integer(now), place, '${CIRCUIT_MEMORY}')
  redis.call('HSET', projectKey, place, circuitText(circuit))
  -- Those that failed longest ago go, whether or not their time is up.
  local over = number(redis.call('ZCARD', circuitsKey)) - ${CIRCUITS}
  if over > 0 then
    local oldest = redis.call('ZRANGE', circuitsKey, '0', integer(math.min(over, 100) - 1))
    redis.call('HDEL', projectKey, unpack(oldest))
    redis.call('ZREM', circuitsKey, unpack(oldest))
  end
end
local function circuitClosed(projectKey, circuitsKey, place)
  redis.call('HDEL', projectKey, place)
  redis.call('ZREM', circuitsKey, place)
end
`;
