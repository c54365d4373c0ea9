import type { ExecutionContext } from "hono";
import { nodeCrypto } from "../adapters/crypto/node-crypto.ts";
import { sendToVetted } from "../adapters/egress/deno-send.ts";
import { createRingback as create, type Deployment, type RingbackOptions } from "../app.ts";
import { ConfigError } from "../config/config.ts";
import type { Ringback } from "../gateway.ts";
import { errorText } from "../shared/log/error-text.ts";
import { createLog, jsonLine, type Log } from "../shared/log/log.ts";
import { readableLine } from "../shared/log/readable-line.ts";
import { endStreams } from "../tasks/read/stream-events.ts";
import { attemptsUnderWay } from "../tasks/run/attempts-under-way.ts";
import { pages } from "./deno-pages.ts";

/** The environment of a Deno process: one object, because one environment has one gateway. */
type Variables = Readonly<Record<string, string>>;
let variables: Variables | undefined;

function environment(): Variables {
  variables ??= Deno.env.toObject();
  return variables;
}

/**
 * `createRingback` with the parts that Deno has: the variables of the process, the pages of this package, and
 * connections that go to the very address that was checked, cryptography on the thread that asks for it, and requests to
 * Redis that concurrent callers share.
 */
export function createRingback(options: Omit<RingbackOptions<Variables>, "env">): Deployment<Variables> {
  return create({
    send: sendToVetted,
    crypto: nodeCrypto,
    sharesRequests: true,
    assets: () => pages,
    renderLine,
    ...options,
    env: environment(),
  });
}

/** A person reads what goes to a terminal; a program reads what goes elsewhere. */
const isTerminal = Deno.stdout.isTerminal() && Deno.stderr.isTerminal();
const renderLine = isTerminal ? readableLine({ colours: !Deno.noColor }) : jsonLine;

/** How {@link serve} serves. */
export interface ServeOptions {
  /** In place of the gateway's own: of a Hono app of which the gateway is one part, `main.fetch`. */
  readonly fetch?: (request: Request, env: Variables, ctx: ExecutionContext) => Response | Promise<Response>;
}

/** Work that continues after an answer; a stop waits for it. */
const underWay = new Set<Promise<unknown>>();
const context: ExecutionContext = {
  waitUntil(work: Promise<unknown>): void {
    const tracked = work.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  },
  passThroughOnException: () => undefined,
  props: undefined,
};

/**
 * Runs a gateway as this process: listens on `PORT` and `HOST`, sweeps, logs unhandled rejections, and ends on SIGINT
 * and SIGTERM when the work under way is done. A bad environment ends the process with the code 1.
 *
 * @example
 * ```ts
 * serve(createRingback({ tasks }));
 * ```
 */
export function serve(ringback: Deployment<Variables>, { fetch }: ServeOptions = {}): void {
  const gateway = connected(ringback);
  const log = createLog(gateway.config.logLevel, renderLine);
  for (const event of ["unhandledrejection", "error"] as const) {
    addEventListener(event, (stray) => reportStray(log, stray));
  }
  const server = listen(
    log,
    fetch
      ? (request) => fetch(request, environment(), context)
      : (request) => gateway.fetch(request, context),
  );
  const sweep = (): Promise<void> => gateway.scheduled(undefined, undefined, context);
  // On Deno Deploy the platform's cron sweeps; elsewhere, where cron needs an unstable flag, a timer does.
  const cron = Deno.cron as typeof Deno.cron | undefined; // only with --unstable-cron, or on Deno Deploy
  const timer = cron ? undefined : setInterval(sweep, gateway.config.sweepInterval);
  void cron?.("sweep", "* * * * *", sweep);
  context.waitUntil(sweep());
  const stop = async (): Promise<void> => {
    clearInterval(timer);
    endStreams();
    await server.shutdown();
    await Promise.allSettled(underWay);
    Deno.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => void stop());
}

function connected(ringback: Deployment<Variables>): Ringback {
  try {
    return ringback(environment());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error; // which the log has
    return Deno.exit(1);
  }
}

/** Where to listen: `PORT` and `HOST`. */
function address(log: Log): { port: number; hostname: string } {
  const port = Deno.env.get("PORT") || "8787";
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    log("error", "bad-configuration", { error: "PORT must be a whole number from 0 to 65535" });
    Deno.exit(1);
  }
  return { port: Number(port), hostname: Deno.env.get("HOST") || "0.0.0.0" };
}

function listen(
  log: Log,
  answer: (request: Request) => Response | Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  const { port, hostname } = address(log);
  try {
    return Deno.serve(
      { port, hostname, onListen: (taken) => log("info", "listening", { port: taken.port }) },
      async (request) => unmeasured(request, await answer(request)),
    );
  } catch (error) {
    // The port is in use or forbidden; or the host is not an address of this machine.
    const reason = error instanceof Error ? error.name : "error";
    log("error", "cannot-listen", { port, host: hostname, reason });
    return Deno.exit(1);
  }
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
function reportStray(log: Log, event: PromiseRejectionEvent | ErrorEvent): void {
  event.preventDefault();
  const error: unknown = "reason" in event ? event.reason : (event.error ?? event.message);
  log("error", "stray-error", { error: errorText(error), attempts: attemptsUnderWay() });
}
