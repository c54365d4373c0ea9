import { errors, type Redis } from "@upstash/redis/cloudflare";

/** A reply of a script: text, integers and lists of them; no script returns nil inside a list. */
export type ScriptReply = string | number | readonly ScriptReply[];

/**
 * Runs a script that Redis may know by its SHA-1.
 *
 * @throws the SDK's error when Redis refused the script, or did not answer
 */
export type Evaluate = (sha: string, keys: string[], argv: string[]) => Promise<readonly ScriptReply[]>;

/** Each script in a request of its own. */
export function singleRequests(redis: Redis): Evaluate {
  return (sha, keys, argv) => redis.evalsha<string[], ScriptReply[]>(sha, keys, argv);
}

interface Call {
  readonly sha: string;
  readonly keys: string[];
  readonly argv: string[];
  resolve(reply: readonly ScriptReply[] | Promise<readonly ScriptReply[]>): void;
  reject(error: unknown): void;
}

/** The most scripts in one request. */
const MOST_SCRIPTS = 32;

/**
 * The most characters of a script's keys and arguments in a shared request: 32 KiB at 6 bytes each (`\u0001`), so that 32
 * scripts have 1 MiB at most. A larger one goes alone, so that none waits for it.
 */
const MOST_CHARACTERS = 5_000;

/** Milliseconds that a script waits at most for others, while a request is under way. */
const PATIENCE = 2;

/**
 * Scripts of concurrent callers share a request. While no request is under way, a script is sent at once; while one is,
 * it waits until that has its answer, or for 2 ms. Each caller gets the reply, or the error, of its own script. A request
 * that Redis refused as a whole is sent again script by script, so that no caller's script fails another's.
 *
 * For runtimes where one caller's work may wait for another's request: on Workers it must not.
 */
export function sharedRequests(redis: Redis): Evaluate {
  const single = singleRequests(redis);
  let waiting: Call[] = [];
  let underWay = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function send(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const calls = waiting;
    waiting = [];
    underWay += 1;
    await answer(redis, single, calls);
    underWay -= 1;
    if (waiting.length > 0) void send();
  }

  return (sha, keys, argv) => {
    if (charactersOf(keys, argv) > MOST_CHARACTERS) return single(sha, keys, argv);
    const { promise, resolve, reject } = Promise.withResolvers<readonly ScriptReply[]>();
    waiting.push({ sha, keys, argv, resolve, reject });
    if (underWay === 0 || waiting.length === MOST_SCRIPTS) void send();
    else timer ??= setTimeout(() => void send(), PATIENCE);
    return promise;
  };
}

/** Characters of a script's keys and arguments. */
export function charactersOf(keys: readonly string[], argv: readonly string[]): number {
  let length = 0;
  for (const word of keys) length += word.length;
  for (const word of argv) length += word.length;
  return length;
}

/** One reply of a pipeline: the script's own, or the error that Redis answered with. */
export function replyOf(reply: unknown): readonly ScriptReply[] | Error {
  const { result, error } = reply as { result?: readonly ScriptReply[]; error?: string }; // as the SDK's keepErrors has it
  return error === undefined ? (result ?? []) : new Error(error);
}

/** Sends the calls in one request, and gives each its reply or its error; never rejects. */
async function answer(redis: Redis, single: Evaluate, calls: readonly Call[]): Promise<void> {
  if (calls.length === 1) return await sendApart(single, calls);
  const pipeline = redis.pipeline();
  for (const { sha, keys, argv } of calls) pipeline.evalsha(sha, keys, argv);
  try {
    const replies = await pipeline.exec<unknown[]>({ keepErrors: true });
    for (const [index, { resolve, reject }] of calls.entries()) {
      const reply = replyOf(replies[index]);
      if (reply instanceof Error) reject(reply);
      else resolve(reply);
    }
  } catch (error) {
    if (isAnswered(error)) await sendApart(single, calls);
    else for (const { reject } of calls) reject(error);
  }
}

async function sendApart(single: Evaluate, calls: readonly Call[]): Promise<void> {
  const replies = calls.map(({ sha, keys, argv, resolve }) => {
    const reply = single(sha, keys, argv);
    resolve(reply);
    return reply;
  });
  await Promise.allSettled(replies);
}

/** Whether Redis, or a proxy before it, gave an answer: it may be about one script alone. */
function isAnswered(error: unknown): boolean {
  return error instanceof errors.UpstashError || error instanceof errors.UpstashJSONParseError;
}
