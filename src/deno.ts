import { sendToVetted } from "./adapters/egress/deno-send.ts";
import { ConfigError, createRingback, type Ringback } from "./app.ts";
import type { Assets } from "./http/routes/static.ts";
import { errorText } from "./shared/error-text.ts";
import { createLog, jsonLine } from "./shared/log.ts";
import { readableLine } from "./shared/readable-line.ts";
import { diagnostics, tasks } from "./task-types/index.ts";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  md: "text/markdown; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
};

/** The pages that the build wrote, found as Cloudflare finds them: `/docs` is `docs.html` or `docs/index.html`. */
const assets: Assets = {
  async fetch(request) {
    const path = new URL(request.url).pathname.replace(/\/$/, "");
    // An encoded slash could lead elsewhere, and a name longer than the disk allows is an error of the disk.
    if (path.length > 200 || !/^(\/[\w.-]*\w)+$/.test(path) || path.endsWith(".html"))
      return new Response(null, { status: 404 });
    for (const name of [path, `${path}.html`, `${path}/index.html`]) {
      const type = TYPES[name.split(".").at(-1) ?? ""];
      const file = type && (await open(new URL(`../dist/assets${name}`, import.meta.url)));
      if (file) return new Response(file.body, { headers: { "content-type": type, etag: file.etag } });
    }
    return new Response(null, { status: 404 });
  },
};

interface AssetFile {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly etag: string;
}

/** A file and the tag of this version of it: its size and time, because a build writes every file again. */
async function open(path: URL): Promise<AssetFile | undefined> {
  try {
    const file = await Deno.open(path);
    const { isFile, size, mtime } = await file.stat();
    if (isFile) return { body: file.readable, etag: `"${size}-${mtime?.getTime() ?? 0}"` };
    file.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
}

/** Work that continues after an answer; a stop waits for it. */
const underWay = new Set<Promise<unknown>>();
const background = {
  waitUntil(work: Promise<unknown>): void {
    const tracked = work.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  },
};

/** A person reads what goes to a terminal; a program reads what goes elsewhere. */
const isTerminal = Deno.stdout.isTerminal() && Deno.stderr.isTerminal();
const renderLine = isTerminal ? readableLine({ colours: !Deno.noColor }) : jsonLine;

function connect(): Ringback {
  try {
    return createRingback({ tasks, diagnostics, send: sendToVetted, renderLine })(
      Deno.env.toObject(),
      assets,
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    createLog("error", renderLine)("error", "bad-configuration", { error: error.message });
    return Deno.exit(1);
  }
}

const ringback = connect();
const log = createLog(ringback.config.logLevel, renderLine);

/** Where to listen: `PORT` and `HOST`. */
function address(): { port: number; hostname: string } {
  const port = Deno.env.get("PORT") || "8787";
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    log("error", "bad-configuration", { error: "PORT must be a whole number from 0 to 65535" });
    Deno.exit(1);
  }
  return { port: Number(port), hostname: Deno.env.get("HOST") || "0.0.0.0" };
}

/**
 * Deno sends `Content-Length: 0` with an answer without a body. A HEAD of a resource without a known length must send
 * none.
 */
function unmeasured({ method }: Request, response: Response): Response {
  if (method !== "HEAD" || response.status !== 200 || response.headers.has("content-length")) return response;
  return new Response(new ReadableStream({ start: (controller) => controller.close() }), response);
}

/**
 * Reports an error that a handler leaves behind (a rejection that nobody awaits, a throw in its timer). Unhandled, it
 * would end the process, and with it the attempts of all others.
 */
function reportStray(event: Event, error: unknown): void {
  event.preventDefault();
  log("error", "stray-error", { error: errorText(error), attempts: ringback.attempts() });
}
addEventListener("unhandledrejection", (event) => reportStray(event, event.reason));
addEventListener("error", (event) => reportStray(event, event.error ?? event.message));

const sweep = (): Promise<void> => ringback.sweep(background);

function listen(): Deno.HttpServer<Deno.NetAddr> {
  const { port, hostname } = address();
  try {
    return Deno.serve(
      { port, hostname, onListen: (taken) => log("info", "listening", { port: taken.port }) },
      async (request) => unmeasured(request, await ringback.fetch(request, background)),
    );
  } catch (error) {
    // The port is in use or forbidden; or the host is not an address of this machine.
    const reason = error instanceof Error ? error.name : "error";
    log("error", "cannot-listen", { port, host: hostname, reason });
    return Deno.exit(1);
  }
}
const server = listen();

// On Deno Deploy the platform's cron sweeps; elsewhere, where cron needs an unstable flag, a timer does.
const cron = Deno.cron as typeof Deno.cron | undefined; // only with --unstable-cron, or on Deno Deploy
const timer = cron ? undefined : setInterval(sweep, ringback.config.sweepInterval);
await cron?.("sweep", "* * * * *", sweep);
background.waitUntil(sweep());

async function stop(): Promise<void> {
  clearInterval(timer);
  await server.shutdown();
  await Promise.allSettled(underWay);
  Deno.exit(0);
}
for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => void stop());
