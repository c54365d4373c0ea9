import type { Break } from "./breaks.ts";

const accept = "src/adapters/redis/tasks/accept.ts";
const claim = "src/adapters/redis/tasks/claim.ts";
const end = "src/adapters/redis/tasks/end.ts";

/** What breaks the promises about tasks, idempotency keys and API keys. */
export const taskBreaks: readonly Break[] = [
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
    caughtBy: ["what has not ended is due"],
  },
  {
    name: "idle-sweep",
    what: "the sweep sees what is due, and sends nothing",
    patches: [
      {
        file: "src/scheduling/sweep.ts",
        find: "published = await sendAgain(ctx, sendings);",
        replace: "",
      },
    ],
    caughtBy: ["every run reaches a terminal status"],
  },
  {
    name: "poisoned",
    what: "an entry that cannot be looked at ends the sweep for all others",
    patches: [
      {
        file: "src/adapters/redis/sweep.ts",
        find: "local ok, answer = pcall(inspect, e, tonumber(scores[i] or ''))",
        replace: "local ok, answer = true, inspect(e, tonumber(scores[i] or ''))",
      },
    ],
    caughtBy: ["every run reaches a terminal status"],
  },
  {
    name: "double-look",
    what: "two sweeps at once both look at what is due, and put it off twice",
    patches: [
      {
        file: "src/adapters/redis/sweep.ts",
        find: "if not isDue and last ~= a.nonce then return {'none'} end",
        replace: "",
      },
    ],
    plans: ["work", "long work", "completed", "called by the queue"],
    duration: 90_000,
    caughtBy: ["what does not move is looked at less and less often"],
  },
  {
    name: "mortal",
    what: "a task has a TTL before it has ended",
    patches: [
      {
        file: accept,
        find: "  redis.call('HSET', task, unpack(fields))",
        replace: "  redis.call('HSET', task, unpack(fields)) redis.call('PEXPIRE', task, '86400000')",
      },
    ],
    caughtBy: ["what has not ended has no TTL"],
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
        file: "src/tasks/read/get-task.ts",
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
    what: "an idempotency key is not held to the request that it was used for",
    patches: [
      {
        file: accept,
        find: "{fingerprint == a.fingerprint and 'replayed' or 'reused', other}",
        replace: "{'replayed', other}",
      },
    ],
    caughtBy: ["an idempotency key stands for one request"],
  },
  {
    name: "no-dedup",
    what: "an accept that is sent again is not recognised",
    patches: [{ file: accept, find: "known = true", replace: "known = false" }],
    faults: { kinds: ["drop-answer", "duplicate"], share: 0.1 },
    caughtBy: [
      "the counters are right",
      "a task moves along the state machine",
      "a run has one terminal status",
    ],
  },
  {
    name: "no-tombstone",
    what: "erasing leaves nothing behind: an accept that was sent twice brings the task back",
    patches: [
      {
        file: "src/adapters/redis/tasks/delete.ts",
        find: "redis.pcall('SET', idem, '${ERASED} ' .. a.id, 'PX', '${TOMBSTONE}')",
        replace: "local none = 0",
      },
    ],
    faults: { kinds: ["duplicate"], share: 0.3 },
    plans: ["erased"],
    caughtBy: ["what was erased stays erased", "an idempotency key names one task"],
  },
  {
    name: "key-comes-back",
    what: "revoking leaves nothing behind: a grant that was sent twice brings the key back",
    patches: [
      {
        file: "src/adapters/redis/projects/projects.ts",
        find: "if redis.call('EXISTS', revoked) == 1 then return {'granted'} end",
        replace: "",
      },
    ],
    faults: { kinds: ["duplicate"], share: 0.3 },
    plans: ["echo"],
    caughtBy: ["a revoked key opens nothing"],
  },
  {
    name: "no-deadline",
    what: "nobody looks at deadlines",
    patches: [
      {
        file: end,
        find: "if t >= num(h.deadline) and a.to ~= 'expired' then return {'deadline-passed'} end",
        replace: "",
      },
      {
        file: "src/adapters/redis/sweep.ts",
        find: "if t >= num(h.deadline) then return ending(e, h, 'expired') end",
        replace: "",
      },
      {
        file: "src/tasks/run/execute-handler.ts",
        find: "...(left < timeout ? [setTimeout",
        replace: "...(left < 0 ? [setTimeout",
      },
    ],
    caughtBy: ["past its deadline a run only expires"],
  },
  {
    name: "no-idempotency-record",
    what: "an idempotency key is not stored",
    patches: [
      {
        file: accept,
        find: "if idem then undone('DEL', idem) redis.call('SET', idem, a.fingerprint .. ' ' .. a.id, 'PX', '${IDEMPOTENCY_TTL}') end",
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
    name: "no-fence",
    what: "a worker whose lease was taken over is not told so, and may still end the task",
    patches: [
      {
        file: end,
        find: "(h.status ~= 'running' or h.lease ~= a.proof or h.attempt ~= a.attempt)",
        replace: "h.status ~= 'running'",
      },
      {
        file: "src/tasks/run/lease.ts",
        find: 'if (answer.kind !== "renewed" && !over) on.gone(answer.kind);',
        replace: "",
      },
    ],
    plans: ["long work"],
    longStalls: 1,
    duration: 100_000,
    caughtBy: ["a stale worker changes nothing"],
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
        file: "src/tasks/run/report.ts",
        find: "if (record.run !== token.run || record.attempt !== token.attempt) throw stale();",
        replace: "",
      },
      {
        file: "src/tasks/run/report.ts",
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
        file: "src/adapters/redis/sweep.ts",
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
        find: "  if h.status == a.to then fileEnding() end",
        replace: `  if h.status == a.to then fileEnding() end
  if TERMINAL[h.status] then redis.call('HINCRBY', proj, 'n:' .. a.to, '1') end`,
      },
    ],
    caughtBy: ["the counters are right"],
  },
];
