import * as z from "zod";
import { ReplyError } from "../../src/local/engine.ts";
import { type Asked, answerTo, lasting } from "../fixtures/answers.ts";
import { gatewayOptions } from "../fixtures/gateway.ts";
import { loadKeys, readSnapshot, type Snapshot, type StoredAnswer } from "../fixtures/snapshot.ts";
import type { KINDS } from "../local/redis-stand-in.ts";
import { Deployment } from "../outages/deployment.ts";
import { Client } from "../support/client.ts";
import { type Answer, type Received, Receiver } from "../support/receiver.ts";
import { Upstream } from "../support/upstream.ts";

/** The snapshot of the first version's storage. */
export const FIRST = "storage-v1.json";

/** Everybody who was there when the snapshot was taken, at addresses of this run, and well again. */
export interface Stored {
  readonly deployment: Deployment;
  readonly snapshot: Snapshot;
  /** Hears all that the snapshot sends to its receivers; both were one address, and are still two destinations. */
  readonly heard: { readonly receiver: Receiver; readonly failing: Receiver };
  readonly upstream: Upstream;
  readonly shop: Client;
  readonly clients: Readonly<Record<string, Client>>;
  /** The id, or whatever else the snapshot calls so. */
  named(kind: string, name: string): string;
  stop(): Promise<void>;
}

/** Agrees to be verified, and takes everything. */
export function agree({ body }: Received): Answer {
  const event: { data?: { challenge?: string } } = JSON.parse(body);
  return event.data?.challenge === undefined
    ? {}
    : { body: JSON.stringify({ challenge: event.data.challenge }) };
}

/** A gateway of this version over what an earlier one has stored; its time is the snapshot's. */
export async function openStored(
  kind: (typeof KINDS)[number],
  env: Readonly<Record<string, string>> = {},
): Promise<Stored> {
  const [receiver, failing] = [await Receiver.start(agree), await Receiver.start(agree)];
  const upstream = await Upstream.start();
  const options = gatewayOptions(upstream.url, 0);
  const { now } = await readSnapshot(FIRST);
  const deployment = await Deployment.start(kind, {
    ...options,
    env: { ...options.env, ...env },
    offset: now - Date.now(),
  });
  const addresses = { receiver, failing, upstream, gateway: deployment.gateway };
  const snapshot = await readSnapshot(
    FIRST,
    Object.fromEntries(Object.entries(addresses).map(([role, { url }]) => [role, new URL(url).host])),
  );
  await loadKeys(async (words) => {
    const reply = await deployment.engine.call(words);
    if (reply instanceof ReplyError) throw new Error(reply.message);
  }, snapshot.keys);
  const named = (what: string, name: string) => nameIn(snapshot, what, name);
  const clients = clientsOf(deployment, snapshot);
  return {
    deployment,
    snapshot,
    heard: { receiver, failing },
    upstream,
    shop: new Client(deployment.gateway, named("keys", "admin")),
    clients,
    named,
    stop: async () => {
      await deployment.stop();
      await Promise.all([receiver.stop(), failing.stop(), upstream.stop()]);
    },
  };
}

export function nameIn(snapshot: Snapshot, kind: string, name: string): string {
  const value = snapshot.names[kind]?.[name];
  if (value === undefined) throw new Error(`the snapshot has no ${kind} "${name}"`);
  return value;
}

export function clientsOf({ gateway }: Asked, snapshot: Snapshot): Readonly<Record<string, Client>> {
  const of = (key: string) => new Client(gateway, nameIn(snapshot, "keys", key));
  return { shop: of("admin"), sealed: of("sealed"), elder: of("elder") };
}

/**
 * Asks what was asked then, and says where the answer differs, by JSON pointer. What is new in an answer is none of
 * its differences: readers tolerate fields that they do not know.
 */
export async function differences(
  asked: Asked,
  clients: Readonly<Record<string, Client>>,
  then: StoredAnswer,
): Promise<string[]> {
  const { status, text } = await answerTo(asked, clients, then);
  const ordered = (json: unknown) => (then.path === "/admin/projects" ? byName(json) : json);
  const now = { status, json: ordered(lasting(text)) };
  return differing({ status: then.status, json: ordered(then.json) }, now).map(
    (difference) => `${then.method} ${then.path}: ${difference}`,
  );
}

function differing(then: unknown, now: unknown, at = ""): string[] {
  if (Array.isArray(then) && Array.isArray(now)) {
    const length = then.length === now.length ? [] : [`${at} has ${now.length} instead of ${then.length}`];
    return [...length, ...then.flatMap((one, index) => differing(one, now[index], `${at}/${index}`))];
  }
  if (isObject(then) && isObject(now))
    return Object.entries(then).flatMap(([name, value]) => differing(value, now[name], `${at}/${name}`));
  return Object.is(then, now) ? [] : [`${at} is ${JSON.stringify(now)} instead of ${JSON.stringify(then)}`];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Projects are listed in no order. */
function byName(json: unknown): unknown {
  const { data } = z.looseObject({ data: z.array(z.looseObject({ name: z.string() })) }).parse(json);
  return { data: data.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}
