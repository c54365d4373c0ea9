import process from "node:process";
import { CommandFailure } from "../../local/command/failure.ts";
import { gatewayVariables } from "../../local/environment.ts";
import { makeKey, makeProject, untilAnswered } from "../../local/stack/admin.ts";
import { freePort, portIn } from "../../local/stack/port.ts";
import { startServices } from "../../local/stack/services.ts";
import { EXIT, UsageError } from "../common/failure.ts";
import { warn, write } from "../common/output.ts";
import { denoProgram } from "./deno.ts";
import { type Launched, launch } from "./launch.ts";
import { readOwnVariables } from "./own-variables.ts";
import { sweepEvery } from "./sweep.ts";
import { wranglerProgram } from "./wrangler.ts";

const PROGRAMS = { workerd: wranglerProgram, deno: denoProgram } as const;

export interface DevPlan {
  readonly runtime: keyof typeof PROGRAMS;
  /** Undefined: the built-in gateway. */
  readonly entry: string | undefined;
  /** `--port`. */
  readonly port: string | undefined;
  readonly json: boolean;
}

/** @throws UsageError when it is taken, or no port */
async function gatewayPort(given: string | undefined): Promise<number> {
  try {
    return await freePort(portIn({ ...process.env, ...(given !== undefined && { PORT: given }) }, 8_787));
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    throw new UsageError(`${error.message}. --port takes another one, 0 any free one`, { cause: error });
  }
}

/** Runs it until it is ended. */
export async function dev({ runtime, entry, port: given, json }: DevPlan): Promise<number> {
  const own = readOwnVariables();
  const port = await gatewayPort(given);
  const url = `http://127.0.0.1:${port}`;
  const say = json ? warn : write;
  const services = await startServices(process.env);
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopping.abort());
  let gateway: Launched | undefined;
  try {
    say(`stand-ins: ${services.summary}`);
    const variables = { ...own, ...gatewayVariables(services.variables, url) };
    gateway = launch(await PROGRAMS[runtime]({ entry, port, variables }), json);
    const ended = gateway.ended.then((code) => {
      if (!stopping.signal.aborted) stopping.abort(new UsageError(`the gateway ended (${code}): see above`));
    });
    const admin = { url, token: variables["RINGBACK_ADMIN_TOKEN"] ?? "" };
    const made = untilAnswered(() => makeProject(admin, "default"), stopping.signal);
    await Promise.race([made, aborted(stopping.signal)]);
    await services.openQueue();
    const apiKey = await makeKey(admin, { project: "default", scopes: ["admin"], name: "ringback dev" });
    const publicUrl = variables["RINGBACK_PUBLIC_URL"] ?? url;
    announce({ url: publicUrl, apiKey, adminToken: admin.token, redis: services.redis, runtime }, say, json);
    if (runtime === "workerd") sweepEvery(url, 60_000, stopping.signal);
    await Promise.race([ended, aborted(stopping.signal)]);
    throw stopping.signal.reason;
  } catch (error) {
    if (!stopping.signal.aborted || stopping.signal.reason instanceof UsageError)
      throw stopping.signal.reason ?? error;
    return EXIT.ok; // it was asked to stop
  } finally {
    await gateway?.stop();
    await services.close();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function announce(
  ready: Readonly<Record<"url" | "apiKey" | "adminToken" | "redis" | "runtime", string>>,
  say: (line: string) => void,
  json: boolean,
): void {
  const { url, apiKey, adminToken } = ready;
  const document = JSON.stringify({ ...ready, console: `${url}/console` });
  write(json ? document : `ready ${document}`);
  say("\nPaste this into the terminal from which you call it:\n");
  say(`export RINGBACK_URL=${url} RINGBACK_API_KEY=${apiKey} RINGBACK_ADMIN_TOKEN=${adminToken}\n`);
}
