import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import type { ServerOptions } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { denoProgram } from "../../support/deno-program.ts";
import { root } from "../../support/process.ts";
import type { Outcome, Wanted } from "./requests.ts";

const tls = (name: string): string => join(root, "test/support/tls", name);

/** A certificate for `localhost`, by an authority that {@link onDeno} has Deno trust. */
export const secure: ServerOptions = {
  key: readFileSync(tls("key.pem")),
  cert: readFileSync(tls("cert.pem")),
};

const listening: Server[] = [];

/** Listens, at a free port unless one is given, until {@link stopServers}. */
export async function listen(server: Server, host: string, at = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(at, host, resolve);
  });
  listening.push(server);
  return (server.address() as AddressInfo).port; // a TCP server that listens has one
}

export function stopServers(): void {
  for (const server of listening) {
    if ("closeAllConnections" in server && typeof server.closeAllConnections === "function") {
      server.closeAllConnections();
    }
    server.close();
  }
}

/** Makes requests on Deno, one after the other; a variable that is undefined is not set. */
export async function onDeno(
  wanted: readonly Wanted[],
  { doh = "", env = {} }: { readonly doh?: string; readonly env?: Record<string, string | undefined> } = {},
): Promise<Outcome[]> {
  const { command, args } = denoProgram("test/egress/deno/requests.ts", [doh, JSON.stringify(wanted)]);
  const { stdout } = await promisify(execFile)(command, args, {
    cwd: root,
    env: { ...process.env, DENO_CERT: tls("ca.pem"), ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(stdout) as Outcome[]; // what requests.ts prints
}
