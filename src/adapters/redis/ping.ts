import type { Context } from "./context.ts";
import { SWEPT } from "./keys.ts";
import { named, script } from "./script.ts";

/** Whether Redis runs scripts, what time it has, and when the last sweep was made. */
export const PING = script(
  "ping",
  `
-- KEYS
--   sweep          time of the last sweep
-- ARGV
--   offset         ms added to Redis's clock
-- RETURNS
--   pong, <sweep>, <now>    empty when there was none
local sweepKey = KEYS[1]
local args = named(ARGV)
return {'pong', redis.call('GET', sweepKey) or '', integer(clock(args.offset))}
`,
);

export async function ping(context: Context): Promise<{ ok: boolean; now: number; sweptAt?: number }> {
  const [answer, swept, now] = await context.quick(PING, [SWEPT], named({ offset: context.offset }));
  return { ok: answer === "pong", now: Number(now), ...(swept && { sweptAt: Number(swept) }) };
}
