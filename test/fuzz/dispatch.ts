import { sign } from "../support/qstash-signature.ts";
import type { Pool } from "./pool.ts";
import type { Plan } from "./requests.ts";

/** A request as it goes over the wire. */
export interface Outgoing {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Who may do what, for the requests of one lane. */
export interface Rights {
  readonly url: string;
  readonly adminToken: string;
  /** One of the queue's signing keys. */
  readonly signingKey: string;
  /** The lane's own key, and the project that it is of. */
  readonly key: string;
  readonly project: string;
  /** A key of a project that is not the lane's. */
  readonly stranger: string;
}

/** What proves itself in the query, by the thing that it opens. */
const LINKS: Readonly<Record<string, readonly [thing: string, token: string]>> = {
  eventsToken: ["watched", "events"],
  readLink: ["linked", "link"],
  browserLink: ["viewed", "view"],
};

/** What proves itself as a bearer token, by the thing that it opens. */
const BEARERS: Readonly<Record<string, string>> = { taskToken: "handed", browserToken: "viewed" };

/** A plan with its marks replaced, and the proof of who sends it. */
export async function dispatch(plan: Plan, pool: Pool, rights: Rights): Promise<Outgoing> {
  const target = pathFor(plan, pool, rights);
  const body = plan.body === undefined ? undefined : pool.fill(ownOnly(plan, plan.body, rights));
  const headers = Object.fromEntries(
    Object.entries(plan.headers).map(([name, value]) => [name, pool.fill(value)]),
  );
  const proof = await proofOf(plan, pool, rights, target, body ?? "");
  const json = body !== undefined && { "content-type": "application/json" };
  return { method: plan.method, target, headers: { ...json, ...proof, ...headers }, body };
}

function pathFor(plan: Plan, pool: Pool, rights: Rights): string {
  const { scheme = "", pair, credential } = plan;
  const [thing, token] = LINKS[scheme] ?? [BEARERS[scheme]];
  const own = ownOnly(plan, plan.target, rights);
  const paired = thing === undefined ? own : own.replace(/\{\{task:\d+\}\}/, `{{${thing}:${pair}}}`);
  const linked =
    token === undefined || credential !== "right"
      ? paired
      : `${paired}${paired.includes("?") ? "&" : "?"}token={{${token}:${pair}}}`;
  const filled = pool
    .fill(linked)
    .replace(/[^\x21-\x7e]/gu, (char) => encodeURIComponent(char.toWellFormed()));
  return filled.startsWith("/") ? filled : `/${filled}`;
}

/** The admin and the queue may reach everything: with their word nothing of the bystander's is named. */
function ownOnly({ operation, credential }: Plan, text: string, { project }: Rights): string {
  const [scheme] = operation.security.flatMap((one) => Object.keys(one));
  const may = scheme === "adminToken" || scheme === "queueSignature" || credential === "admin";
  const own = may ? text.replaceAll("{{foreign-", "{{") : text;
  return scheme === "queueSignature" ? own.replaceAll(/\{\{prj:\d+\}\}/g, project) : own;
}

async function proofOf(
  { credential, scheme, pair, operation }: Plan,
  pool: Pool,
  rights: Rights,
  target: string,
  body: string,
): Promise<Readonly<Record<string, string>>> {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  switch (credential) {
    case "none":
      return {};
    case "garbage":
      return bearer(`rb_${"A".repeat(pair % 90)}`);
    case "scoped-key":
      return bearer(pool.pick("scoped", pair));
    case "stranger":
      return bearer(rights.stranger);
    case "task-token":
      return bearer(pool.pick("token", pair));
    case "admin":
      return bearer(rights.adminToken);
    case "signed-wrongly":
      return { "upstash-signature": await sign({ key: "sig_other", subject: rights.url + target, body }) };
    case "right":
      break;
  }
  switch (scheme) {
    case "apiKey":
      return bearer(rights.key);
    case "adminToken":
      return bearer(rights.adminToken);
    case "taskToken":
      return bearer(pool.pick("token", pair));
    case "browserToken":
      return bearer(pool.pick("view", pair));
    case "queueSignature":
      return {
        "upstash-signature": await sign({ key: rights.signingKey, subject: rights.url + target, body }),
      };
    default:
      return operation.security.length > 0 ? {} : bearer(rights.key);
  }
}
