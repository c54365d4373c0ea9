import { Agent } from "node:http";
import { ask, makeKey } from "./api.ts";
import type { Bystander } from "./bystander.ts";
import { dispatch, type Outgoing, type Rights } from "./dispatch.ts";
import type { Judge } from "./judge.ts";
import { Pool } from "./pool.ts";
import { listen } from "./receiver.ts";
import type { Plan } from "./requests.ts";
import { type Answer, send } from "./wire.ts";

/** What is sent to. */
export type Target = Pick<Rights, "url" | "adminToken" | "signingKey">;

/** A request as it went out, and what was wrong with its answer. */
export interface Finding {
  readonly fault: string;
  readonly request: string;
  readonly answer: string;
}

export interface Outcome {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly findings: readonly Finding[];
}

/** A client in a project of its own: it sends one request after the other, and learns from the answers. */
export interface Lane {
  send(plan: Plan): Promise<Outcome>;
  stop(): Promise<void>;
}

const SCOPES = [
  ["tasks:read"],
  ["tasks:write"],
  ["endpoints:read", "endpoints:write"],
  ["secrets:read"],
  ["secrets:write"],
];

/** @param spared ids that no answer makes known to any lane; the lane adds its own, which it would saw off else */
export async function openLane(
  target: Target,
  judge: Judge,
  bystander: Bystander,
  spared: Set<string>,
): Promise<Lane> {
  const own = await makeKey(target, `lane-${crypto.randomUUID()}`);
  const stranger = await makeKey(target, `stranger-${crypto.randomUUID()}`);
  const scoped = await Promise.all(SCOPES.map((scopes) => makeKey(target, own.project.id, scopes)));
  for (const { id, project } of [own, stranger, ...scoped]) spared.add(id).add(project.id);
  const pool = new Pool(spared);
  const receiver = await listen((_path, body) => pool.learn(body));
  pool.give("inbox", `${receiver.url}/a`, `${receiver.url}/b`, `${receiver.url}/fails`);
  pool.give("handon", `${receiver.url}/handon`);
  pool.give("scoped", ...scoped.map(({ key }) => key));
  pool.give("jwks", `${own.project.id}.json`);
  for (const [kind, ids] of Object.entries(bystander.ids)) pool.give(`foreign-${kind}`, ...ids);
  for (const answer of await seed(target, own.key, own.project.id, receiver.url)) pool.learn(answer);
  const rights: Rights = { ...target, key: own.key, project: own.project.id, stranger: stranger.key };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    send: async (plan) => {
      const outgoing = await dispatch(plan, pool, rights);
      try {
        const { method, target: path, headers, body } = outgoing;
        const answer = await send(agent, target.url, method, path, headers, body);
        learn(pool, outgoing, answer);
        if (isRefusedByServer(path, answer)) return { status: answer.status, findings: [] };
        const faults = judge(method, new URL(target.url + path).pathname, answer);
        return {
          status: answer.status,
          findings: faults.map((fault) => finding(plan, fault, outgoing, answer)),
        };
      } catch (error) {
        return { status: 0, findings: [finding(plan, `no answer: ${error}`, outgoing)] };
      }
    },
    stop: async () => {
      void agent.destroy();
      await receiver.stop();
    },
  };
}

/**
 * What requests need that no single one of them makes: tokens of work that was handed on, links, dead letters, and what
 * too few of them make.
 *
 * @returns answers to learn from
 */
async function seed(target: Target, key: string, project: string, receiver: string): Promise<unknown[]> {
  await ask(target.url, target.adminToken, "PATCH", `/admin/projects/${project}`, {
    rateLimit: 10_000,
    searchable: ["orderId", "customer"],
  });
  const submit = (body: object) => ask(target.url, key, "POST", "/v1/tasks", body);
  for (let count = 0; count < 10; count++) {
    await submit({ type: "diagnostics.wait", input: { notifyUrl: `${receiver}/handon` } });
  }
  await submit({ type: "diagnostics.echo", input: "x".repeat(70_000), callbackUrl: `${receiver}/a` });
  await submit({ type: "diagnostics.echo", input: 1, callbackUrl: `${receiver}/fails` });
  const tasks = [{ type: "diagnostics.echo", input: 1 }];
  const batch = { callbackUrl: `${receiver}/b`, tasks };
  const endpoints = ["/a", "/b", "/fails"].map((path) => ({ url: receiver + path }));
  return [
    await ask(target.url, key, "POST", "/v1/tasks/batch", batch),
    ...(await Promise.all(
      endpoints.map((endpoint) => ask(target.url, key, "POST", "/v1/endpoints", endpoint)),
    )),
  ];
}

/** What is no URI (RFC 3986, section 2) does not get as far as the gateway. */
function isRefusedByServer(target: string, { status, headers }: Answer): boolean {
  return (
    status === 400 && headers["x-request-id"] === undefined && !/^[\w\-.~:/?#[\]@!$&'()*+,;=%]*$/.test(target)
  );
}

function learn(pool: Pool, { method, target }: Outgoing, { status, headers, body }: Answer): void {
  const [, id, kind] = /^\/v1\/\w+\/(([a-z]+)_\w+)$/.exec(target) ?? [];
  if (method === "DELETE" && status === 204 && kind && id) pool.forget(kind, id);
  if (headers["etag"]) pool.add("etag", headers["etag"]);
  if (headers["content-type"] !== "application/json" || body === "") return;
  pool.learn(JSON.parse(body));
}

function finding(plan: Plan, fault: string, outgoing: Outgoing, answer?: Answer): Finding {
  const { method, target, headers, body } = outgoing;
  return {
    fault: `${plan.operation.operationId}: ${fault}`,
    request: `${method} ${target} ${JSON.stringify(headers)} ${body?.slice(0, 1_000) ?? ""}`,
    answer: answer ? `${answer.status} ${JSON.stringify(answer.headers)} ${answer.body.slice(0, 1_000)}` : "",
  };
}
