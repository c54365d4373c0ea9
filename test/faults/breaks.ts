import type { Invariant } from "./checker.ts";

/** A change of one place in the source, made while it is bundled. */
export interface Patch {
  /** From the top of the repository. */
  readonly file: string;
  /** What must stand there, once at least; its first place is changed. */
  readonly find: string;
  readonly replace: string;
}

/** Something that is broken on purpose, and what must notice. */
export interface Break {
  readonly name: string;
  /** What it takes away, as the table in the documentation says it. */
  readonly what: string;
  readonly patches: readonly Patch[];
  /** Any one of these shows that it was caught. */
  readonly caughtBy: readonly [Invariant, ...Invariant[]];
}

const accept = "src/redis/accept.ts";
const claim = "src/redis/claim.ts";
const end = "src/redis/end.ts";
const deliver = "src/redis/deliver.ts";

/** For each promise at least one way to break it. */
export const BREAKS: readonly Break[] = [
  {
    name: "no-due-entry",
    what: "a task's due entry is not written: a message that is lost is never missed",
    patches: [
      {
        file: accept,
        find: "redis.call('ZADD', due, ms(math.min(look, start + a.deadline)), a.member)",
        replace: "",
      },
    ],
    caughtBy: ["every run reaches a terminal status"],
  },
  {
    name: "forgetful",
    what: "an ended task is kept for a second",
    patches: [
      {
        file: end,
        find: "redis.call('PEXPIRE', task, '${TASK_RETENTION}')",
        replace: "redis.call('PEXPIRE', task, '1000')",
      },
    ],
    caughtBy: ["an accepted task is kept"],
  },
  {
    name: "ends-again",
    what: "an end is written whatever the status is",
    patches: [
      { file: end, find: "if TERMINAL[h.status] then", replace: "if false then" },
      {
        file: end,
        find: "(h.status ~= 'running' or h.lease ~= a.proof or h.attempt ~= a.attempt)",
        replace: "false",
      },
      { file: end, find: "if not MOVES[h.status .. '>' .. a.to] then return {'stale'} end", replace: "" },
    ],
    caughtBy: ["a run has one terminal status"],
  },
  {
    name: "silent-start",
    what: "the start of an attempt does not raise the sequence",
    patches: [{ file: claim, find: "local seq = num(h.seq) + 1", replace: "local seq = num(h.seq)" }],
    caughtBy: ["a task moves along the state machine"],
  },
  {
    name: "cached-reads",
    what: "a gateway answers reads from a copy of its own",
    patches: [
      {
        file: "src/flow/lookup.ts",
        find: "  return { record: kept(answer.record, answer.now), now: answer.now, ...(delivery && { delivery }) };",
        replace: `  const fresh = { record: kept(answer.record, answer.now), now: answer.now, ...(delivery && { delivery }) };
  const copies = ((globalThis as any).copies ??= new Map());
  if (!copies.has(id)) copies.set(id, fresh);
  return copies.get(id);`,
      },
    ],
    caughtBy: ["no answer goes back in time"],
  },
  {
    name: "no-fingerprint",
    what: "an idempotency key is not stored",
    patches: [
      {
        file: accept,
        find: "if idem then redis.call('SET', idem, a.print .. ' ' .. a.id, 'PX', '${IDEMPOTENCY_TTL}') end",
        replace: "",
      },
    ],
    caughtBy: ["an idempotency key names one task"],
  },
  {
    name: "no-lease",
    what: "an attempt that is leased may be claimed again",
    patches: [{ file: claim, find: "if num(h['until']) > t then return", replace: "if false then return" }],
    caughtBy: ["a run has one lease holder"],
  },
  {
    name: "deaf-to-cancel",
    what: "a canceled task is started all the same",
    patches: [
      { file: claim, find: "if TERMINAL[h.status] then return {'ended', h.dels or ''} end", replace: "" },
      {
        file: claim,
        find: "or not MOVES[h.status .. '>running'] then return {'stale'}",
        replace: "then return {'stale'}",
      },
    ],
    caughtBy: ["nothing begins after its cancel was confirmed", "a run has one terminal status"],
  },
  {
    name: "any-token",
    what: "a token is taken whichever run and attempt it is of",
    patches: [
      {
        file: "src/flow/report.ts",
        find: "if (record.run !== token.run || record.attempt !== token.attempt) throw stale();",
        replace: "",
      },
      {
        file: "src/flow/report.ts",
        find: `{ by: "token", attempt: token.attempt,`,
        replace: `{ by: "token", attempt: record.attempt,`,
      },
    ],
    caughtBy: ["a stale token changes nothing"],
  },
  {
    name: "due-for-ever",
    what: "the due entry of a task that has ended stays",
    patches: [
      { file: end, find: "redis.call('ZREM', due, a.member)", replace: "" },
      {
        file: "src/redis/sweep.ts",
        find: "if #drops > 0 then redis.call('ZREM', due, unpack(drops)) end",
        replace: "",
      },
    ],
    caughtBy: ["nothing is due when all is done"],
  },
  {
    name: "miscounted",
    what: "a retry of an end that was written counts it again",
    patches: [
      {
        file: end,
        find: "if h.nonce == a.nonce then return {'ended', h.was, h.seq, h.next, h.heldback or ''} end",
        replace: `if h.nonce == a.nonce then
  if TERMINAL[h.status] then redis.call('HSET', proj, 'n:' .. a.to, ms(num(p['n:' .. a.to]) + 1)) end
  return {'ended', h.was, h.seq, h.next, h.heldback or ''}
end`,
      },
    ],
    caughtBy: ["the counters are right"],
  },
  {
    name: "tells-too-early",
    what: "callbacks are sent before the end is written",
    patches: [
      {
        file: "src/flow/conclude.ts",
        find: "    const answer = await parts.store.end({",
        replace: `    const { sendOpened } = await import("./first-attempts.ts");
    await sendOpened(parts, record.project, deliveries, { config, now: endedAt });
    const answer = await parts.store.end({`,
      },
    ],
    caughtBy: ["nothing is told before it is so"],
  },
  {
    name: "id-per-target",
    what: "each endpoint is told of an event under an id of its own",
    patches: [
      {
        file: "src/flow/fan-out.ts",
        find: "    endpointId: endpoint.id,\n",
        replace: `    eventId: (await deliveryIdOf(event, endpoint.id)).replace("del_", "evt_"),
    endpointId: endpoint.id,\n`,
      },
    ],
    caughtBy: ["an event has one id"],
  },
  {
    name: "thawed-body",
    what: "a callback's body is written anew for each attempt",
    patches: [
      {
        file: "src/flow/attempt.ts",
        find: "  const startedAt = time();\n",
        replace:
          "  const startedAt = time();\n  parcel = { ...parcel, body: `${parcel.body} ` + ' '.repeat(startedAt % 7) };\n",
      },
    ],
    caughtBy: ["a body is the same on every attempt"],
  },
  {
    name: "foreign-secret",
    what: "callbacks are signed with a secret that the receiver does not have",
    patches: [
      {
        file: "src/flow/attempt.ts",
        find: "await parts.sign(secrets, parcel.eventId, sentAt, parcel.body)",
        replace: "await parts.sign(secrets, parcel.eventId, sentAt + 1, parcel.body)",
      },
    ],
    caughtBy: ["every callback is signed"],
  },
  {
    name: "callback-alone",
    what: "an end is told to the callback URL alone, and not to the endpoints",
    patches: [
      {
        file: "src/flow/conclude.ts",
        find: 'const deliveries = authority.by === "lease" ? leased(parts, made) : made;',
        replace:
          'const deliveries = (authority.by === "lease" ? leased(parts, made) : made).filter((one) => !one.endpointId);',
      },
    ],
    caughtBy: ["an event that was asked for ends delivered or dead"],
  },
  {
    name: "gives-up-silently",
    what: "an attempt that failed is neither tried again nor a dead letter",
    patches: [
      {
        file: deliver,
        find: "redis.call('ZADD', due, ms(look), a.member)",
        replace: "redis.call('ZREM', due, a.member)",
      },
      {
        file: "src/flow/deliver.ts",
        find: '  if (outcome.kind !== "retry") return;',
        replace: "  return;",
      },
    ],
    caughtBy: ["no delivery is left on its way"],
  },
  {
    name: "wishful",
    what: "an attempt that nobody answered counts as delivered",
    patches: [
      {
        file: "src/flow/attempt.ts",
        find: "    if (!(error instanceof FetchFailure)) throw error;\n",
        replace: "    if (statusCode === undefined) return finish({});\n",
      },
    ],
    caughtBy: ["what is called delivered has arrived"],
  },
  {
    name: "told-twice",
    what: "each endpoint is found twice",
    patches: [
      {
        file: "src/flow/fan-out.ts",
        find: "    ...endpoints.map((endpoint) => toEndpoint(endpoint)),",
        replace: `    ...endpoints.map((endpoint) => toEndpoint(endpoint)),
    ...endpoints.map(async (endpoint) => {
      const one = await toEndpoint(endpoint);
      return { ...one, id: await deliveryIdOf({ ...event, source: \`\${event.source}.2\` }, endpoint.id) };
    }),`,
      },
    ],
    caughtBy: ["an event is delivered once by id"],
  },
  {
    name: "wrong-project",
    what: "a gateway keeps one configuration for all projects",
    patches: [
      {
        file: "src/flow/conclude.ts",
        find: "  let { ending, config } = conclusion;",
        replace: `  let { ending, config } = conclusion;
  config = ((globalThis as any).kept ??= conclusion.config);`,
      },
      {
        file: "src/flow/conclude.ts",
        find: "      configVersion: config.version,\n",
        replace: "",
      },
    ],
    caughtBy: ["a callback reaches its own project alone", "every callback is signed"],
  },
];
