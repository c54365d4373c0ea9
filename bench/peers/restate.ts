import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, node, root, start } from "../../test/support/process.ts";
import { plainBody } from "../stage.ts";
import type { Peer } from "./peer.ts";

/** The server of this platform, which npm installs where there is one. */
const SERVER = join(root, `node_modules/@restatedev/restate-server-linux-${process.arch}/bin/restate-server`);

/** Restate's server with a service of its TypeScript SDK. @throws Error when there is no server for this platform */
export async function startRestate(): Promise<Peer> {
  if (!existsSync(SERVER))
    throw new Error(`there is no restate-server for ${process.platform} ${process.arch}`);
  const folder = await mkdtemp(join(tmpdir(), "ringback-restate-"));
  const [port, ingress, admin, fabric] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const service = await start({
    command: node,
    args: [join(root, "bench/peers/restate-program.ts")],
    env: { PORT: `${port}`, RESTATE_LOGGING: "ERROR", NODE_ENV: "production" },
    ready: /^ready$/m,
  });
  const server = await start({
    command: SERVER,
    args: ["--node-name", "bench", "--base-dir", folder, "--listen-mode", "tcp", "--no-logo"],
    env: {
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_BIND_ADDRESS: `127.0.0.1:${fabric}`,
      RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${fabric}`,
      RESTATE_DISABLE_TELEMETRY: "true",
      RUST_LOG: "warn,restate_server=info,restate_ingress_http=info,restate_admin=info",
    },
    ready: /./,
  });
  const stop = async (): Promise<void> => {
    await server.running.stop();
    await service.running.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await register(`http://127.0.0.1:${admin}`, `http://127.0.0.1:${port}`);
  } catch (error) {
    await stop();
    const printed = server.running.output().slice(-2_000);
    throw new Error(`restate-server could not be used:\n${printed}`, { cause: error });
  }
  return {
    contender: {
      name: "Restate",
      runtime: "node",
      url: `http://127.0.0.1:${ingress}`,
      path: "/tasks/echo/send",
      headers: {},
      groups: [server.running.pid, service.running.pid],
      services: {},
      body: plainBody,
    },
    stop,
  };
}

const REPEAT = 200;
const PATIENCE = 30_000;

/** Registers the service, once the server listens. */
async function register(admin: string, uri: string): Promise<void> {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const failure = await fetch(`${admin}/deployments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ uri }),
    }).then(
      async (answer) => (answer.ok ? undefined : `it answered ${answer.status}: ${await answer.text()}`),
      (error: unknown) => String(error),
    );
    if (failure === undefined) return;
    if (performance.now() > end) throw new Error(`restate-server does not take the service: ${failure}`);
    await new Promise((resolve) => setTimeout(resolve, REPEAT));
  }
}
