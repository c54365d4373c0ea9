import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rm, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import * as z from "zod";
import { encode, probe } from "./ffmpeg.ts";
import { TaskReport } from "./task-report.ts";

/* Takes orders over HTTP, answers 202, encodes with ffmpeg and reports by the task's token. */

const env = z
  .object({
    PORT: z.coerce.number().default(2590),
    ENCODER_TOKEN: z.string().min(16),
    /** The address at which clients fetch what was encoded. */
    PUBLIC_URL: z.url().optional(),
    FILES: z.string().default("videos"),
    /** Of a video that is fetched. */
    MAX_BYTES: z.coerce.number().default(4 * 1024 ** 3),
  })
  .parse(process.env);
const publicUrl = env.PUBLIC_URL ?? `http://127.0.0.1:${env.PORT}`;

const jobSchema = z.object({
  id: z.string().min(1),
  url: z.url({ protocol: /^https?$/ }),
  format: z.enum(["mp4", "webm"]),
  reports: z.url(),
  token: z.string().startsWith("rbt_"),
});
type Job = z.output<typeof jobSchema>;

/** What is being encoded, with ffmpeg's process id. */
const running = new Map<string, { pid: number | undefined }>();

/** Does one job to its end; every end but the loss of interest in it is reported. */
async function work(job: Job): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  const report = new TaskReport(job.reports, job.token, () => stop.abort());
  const name = `${randomUUID()}.${job.format}`; // the address alone gives access to the video
  const source = join(env.FILES, `${name}.source`);
  const file = join(env.FILES, name);
  try {
    await report.progress(0, "Fetching the video");
    await download(job.url, source, signal);
    await transcode(job, { source, file, report, signal });
    const video = { ...(await probe(file, signal)), bytes: (await stat(file)).size };
    await report.complete({ url: `${publicUrl}/files/${name}`, ...video });
  } catch (error) {
    if (signal.aborted) return; // its caller has aborted it, and knows
    console.error(error);
    // The words of ffmpeg name addresses and folders: they are for our log.
    if (error instanceof Unavailable) await report.fail("video-unavailable", error.message, error.retryable);
    else await report.fail("encoding-failed", "The video could not be read or encoded.", false);
    stop.abort();
  } finally {
    await rm(source, { force: true });
    if (signal.aborted) await rm(file, { force: true });
  }
}

/** The video could not be fetched. */
class Unavailable extends Error {
  readonly retryable: boolean;
  constructor(message: string, retryable: boolean) {
    super(message);
    this.retryable = retryable;
  }
}

/** Takes the video whole: formats that have their index at the end cannot be read from a host that knows no ranges. */
async function download(url: string, file: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    console.error(error);
    throw new Unavailable("The video's host could not be reached.", true);
  });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new Unavailable(`The video's host answered ${response.status}.`, response.status >= 500);
  }
  await pipeline(response.body, limited(env.MAX_BYTES), createWriteStream(file), { signal });
}

/** Passes bytes on until there are too many. */
function limited(most: number) {
  return async function* (pieces: AsyncIterable<Uint8Array>) {
    let bytes = 0;
    for await (const piece of pieces) {
      bytes += piece.length;
      if (bytes > most) throw new Unavailable(`The video has more than ${most} bytes.`, false);
      yield piece;
    }
  };
}

async function transcode(
  job: Job,
  work: { source: string; file: string; report: TaskReport; signal: AbortSignal },
): Promise<void> {
  const { source, file, report, signal } = work;
  const { durationSeconds: seconds } = await probe(source, signal);
  let done = 0;
  const say = () => report.progress(Math.min(99, Math.floor((100 * done) / seconds)), `${done.toFixed(1)} s`);
  // Also while ffmpeg says nothing: the task's heartbeat is the word that this service lives.
  const timer = setInterval(() => void say(), 1_000);
  try {
    await encode(source, file, {
      format: job.format,
      signal,
      onStart: (pid) => running.set(job.id, { pid }),
      onTime: (time) => {
        const first = done === 0;
        done = time;
        if (first) void say();
      },
    });
  } finally {
    clearInterval(timer);
  }
}

function isOurs({ headers }: IncomingMessage): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(headers.authorization ?? ""), hash(`Bearer ${env.ENCODER_TOKEN}`));
}

async function order(request: IncomingMessage): Promise<number> {
  const job = jobSchema.safeParse(await json(request).catch(() => undefined));
  if (!job.success) return 400;
  const { id } = job.data;
  if (!running.has(id)) {
    running.set(id, { pid: undefined });
    void work(job.data).finally(() => running.delete(id));
  }
  return 202;
}

async function sendFile(name: string, response: ServerResponse): Promise<void> {
  const file = join(env.FILES, name);
  const found = await stat(file).catch(() => undefined);
  if (!found) {
    response.writeHead(404).end();
    return;
  }
  const type = name.endsWith(".mp4") ? "video/mp4" : "video/webm";
  response.writeHead(200, { "content-type": type, "content-length": found.size });
  await pipeline(createReadStream(file), response);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", publicUrl);
  const [, name] = /^\/files\/([0-9a-f-]{36}\.(?:mp4|webm))$/.exec(pathname) ?? [];
  if (name) return sendFile(name, response);
  if (!isOurs(request)) response.writeHead(401).end();
  else if (pathname !== "/jobs") response.writeHead(404).end();
  else if (request.method === "POST") response.writeHead(await order(request)).end();
  else response.end(JSON.stringify([...running].map(([id, { pid }]) => ({ id, pid }))));
}

await mkdir(env.FILES, { recursive: true });
const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    if (!request.socket.destroyed) console.error(error); // else the client has gone, as clients do
    response.destroy();
  });
});
server.listen(env.PORT, "127.0.0.1", () => console.log(`encoder on http://127.0.0.1:${env.PORT}`));
