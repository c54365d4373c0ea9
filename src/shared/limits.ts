const SECOND = 1_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

/** The version of what is stored that this gateway reads and writes (docs/storage.md, "Versions"). */
export const STORAGE_VERSION = 1;

/** How long texts are still encrypted in the previous release's form, where that release has filled the Redis. */
export const UNBOUND_WRITES = 7 * DAY;

/** A lease of a task's attempt, and how often its holder renews it. */
export const LEASE = 30 * SECOND;
export const LEASE_RENEWAL = 10 * SECOND;

/**
 * An immediate start: the longest timeout of its attempt (a Worker may work for 30 s after its answer), how much longer
 * the attempt is leased, and how many may run at a time in one process.
 */
export const IMMEDIATE_TIMEOUT = 25 * SECOND;
export const IMMEDIATE_LEASE_MARGIN = 5 * SECOND;
export const IMMEDIATE_ATTEMPTS = 40;

/** How long a Worker may work after its answer, and the part of it that a first callback needs. */
export const WORK_AFTER_ANSWER = 30 * SECOND;
export const FIRST_CALLBACK = 10 * SECOND;

/** Characters of a task type's name. */
export const TASK_TYPE_LENGTH = 128;

/** Crashes (leases that lapsed) that one run survives. */
export const CRASHES = 3;

/** The longest time until the queue asks again for a task whose type is at its limit. */
export const LIMIT_RETRY = 5 * SECOND;

/** How much longer than the callback timeout a delivery attempt is leased. */
export const DELIVERY_LEASE_MARGIN = 5 * SECOND;

/** The sweep's waiting time after a lease's end. */
export const LEASE_GRACE = 2 * SECOND;

/** The time that a start, a retry or a delivery attempt is given before the sweep sends it again. */
export const DUE_GRACE = 30 * SECOND;

/** The sweep waits 30 s · 2ⁿ before it checks a stalled entry again, at most this long. */
export const SWEEP_BACKOFF_LIMIT = HOUR;

/** A start farther away than this is not handed to the queue yet: the sweep does it when it is near. */
export const PUBLISH_HORIZON = HOUR;

/** A message that arrives this much before its time is accepted. */
export const EARLY_TOLERANCE = SECOND;

/** How far ahead a task may start. */
export const MAX_DELAY = 365 * DAY;

/** How long ended tasks and deliveries may be kept at most. A deployment configures how long they are kept. */
export const MAX_RETENTION = 90 * DAY;

/** An ended task is kept this much longer than its last pending delivery. */
export const DELIVERY_MARGIN = DAY;

/** How much longer than a task or a delivery its index lasts: it holds an hour or a day, and clocks differ. */
export const INDEX_MARGIN = 2 * DAY;

/** How long the health of an endpoint is kept. */
export const HEALTH_RETENTION = 60 * DAY;

/** How much longer than a delivery a body is kept that several share: as long as the last, even if that is sent late. */
export const BODY_MARGIN = 32 * DAY;

/** Results and inputs up to this many characters of JSON lie in the task's own hash; larger ones are keys. */
export const INLINE_LIMIT = 16 * 1024;

/**
 * Bytes of one request to Redis: Upstash refuses more than 10 MB on every plan but the largest fixed ones
 * (https://upstash.com/docs/redis/overall/pricing). The smaller of the two readings of "MB" counts.
 */
export const REQUEST_LIMIT = 10_000_000;

/** How long an idempotency key is remembered. */
export const IDEMPOTENCY_TTL = DAY;

/**
 * How long it is remembered that something was erased or revoked: the request that made it may have been sent twice,
 * and arrive once more. Requests to Redis give up within seconds.
 */
export const TOMBSTONE = 600 * SECOND;

/** Results up to this many characters of JSON are put into callbacks; larger ones are linked. */
export const CALLBACK_RESULT_LIMIT = 64 * 1024;

/** Failures in a row that open a destination's circuit. Each must happen while the previous one is still remembered. */
export const CIRCUIT_FAILURES = 10;
export const CIRCUIT_MEMORY = HOUR;

/** How long a circuit stays open: doubled each time that its probe fails, at most the limit. */
export const CIRCUIT_OPEN = 30 * SECOND;
export const CIRCUIT_OPEN_LIMIT = 10 * 60 * SECOND;

/** Circuits that a project keeps: those of the destinations that failed last. */
export const CIRCUITS = 100;

/** The longest time that an open circuit delays one attempt; then it is made anyway. */
export const HOLD_LIMIT = HOUR;

/** How long a task with a pending delivery is kept from the time of that delivery's next attempt. */
export const PENDING_MARGIN = DELIVERY_MARGIN + HOLD_LIMIT;

/** How long a delivery waits for the verification of its endpoint's new address, and when it looks first. */
export const VERIFICATION_WAIT = DAY;
export const VERIFICATION_LOOK = 5 * SECOND;

/** An endpoint with nothing but failures for this long is disabled; a pause this long between two resets the count. */
export const DISABLE_AFTER = 5 * DAY;
export const FAILURE_PAUSE = 2 * DAY;

/** Deliveries that one call recovers, and how many per second unless the call or the endpoint says otherwise. */
export const RECOVER_BATCH = 1_000;
export const RECOVER_PACE = 10;

/** Keys of an erased task that one step deletes. */
export const ERASED_AT_ONCE = 500;

/** Chores that one sweep of a partition takes, and after how long an interrupted one comes up again. */
export const CHORES = 10;
export const CHORE_GRACE = 60 * SECOND;

/** Fields of a project's hash that one step inspects, and expired API keys that one sweep removes. */
export const KEYS_LOOKED_OVER = 100;
export const KEYS_PURGED = 100;

/**
 * How long a task's history may grow by replays: its changes of state, and its deliveries. A task that has had as many
 * is not run again.
 */
export const TASK_CHANGES = 2_000;
export const TASK_DELIVERIES = 2_000;

/** Attempts of a delivery whose records are kept: the newest, however often it is sent again. */
export const ATTEMPTS_KEPT = 100;

/** Bytes of a receiver's response that are kept. */
export const RESPONSE_LIMIT = 4 * 1024;

/** How long a delivery waits for the kept part of a response, after its status has decided. */
export const RESPONSE_PATIENCE = SECOND;

/** Deliveries that are sent side by side by the invocation that ended the task (Workers allow six connections). */
export const INLINE_DELIVERIES = 4;

/** Characters of an error's message, and of its code. */
export const ERROR_MESSAGE = 2_000;
export const ERROR_CODE = 64;

/** Characters of a progress message. */
export const PROGRESS_MESSAGE = 500;

/** Events of one task's progress are at least this far apart. */
export const PROGRESS_EVENT_INTERVAL = 500;

/**
 * Requests to Redis and QStash that one invocation of the sweep makes. Workers Free allows 50; the rest is for repeats
 * (a lost answer, a script that Redis has forgotten).
 */
export const SWEEP_REQUESTS = 40;

/** Members of the due set that one step of the sweep takes. */
export const SWEEP_BATCH = 100;

/** Tasks that wait for their start that the sweeps note, and how long they are noted after the last one was seen. */
export const WAITING_KEPT = 1_000;
export const WAITING_RETENTION = 2 * DAY;

/** Attempt budgets and times of tasks. */
export const DEFAULT_RETRIES = 3;
export const MAX_RETRIES = 100;
export const DEFAULT_TIMEOUT = 60 * SECOND;
export const MAX_TIMEOUT = 10 * 60 * SECOND;
export const DEFAULT_DEADLINE = DAY;
export const MAX_DEADLINE = 30 * DAY;
export const MAX_RESULT_TTL = 30 * DAY;

/** Hours that lists know of: a task may start a year after it was accepted, and lies in its hour's index until then. */
export const HOURS_KEPT = (MAX_DELAY + MAX_DEADLINE + MAX_RETENTION + INDEX_MARGIN) / HOUR;

/** Metadata keys that a project may be searched by. */
export const MAX_SEARCHABLE = 5;

/** The characters of their names: those that a comma-separated list can hold. */
export const SEARCHABLE = /^[\w.:-]{1,64}$/;

/** Parked tasks that one step of a resume starts. */
export const PARKED_PAGE = 100;

/** Tasks that one page of a bulk request looks at. */
export const BULK_PAGE = 100;

/**
 * When the sweep first looks at a batch whose tasks are being accepted, in case that was interrupted; when it looks at one
 * whose tasks are under way; and how long a batch is kept after its end.
 */
export const BATCH_GRACE = 5 * 60 * SECOND;
export const BATCH_LOOK = HOUR;
export const BATCH_RETENTION = 30 * DAY;

/** Tasks in one batch, and how much larger than a single body the batch's may be. */
export const MAX_BATCH = 100;
export const BATCH_BODIES = 4;

/** The largest body of any request, in bytes: an isolate has 128 MB for its requests together. */
export const LARGEST_BODY = 4 * 1_048_576;

/** Pages of lists. */
export const DEFAULT_PAGE = 20;
export const MAX_PAGE = 100;

/** How soon a client over its quota of open tasks should ask again: the end of a task cannot be predicted. */
export const QUOTA_RETRY = 10 * SECOND;
