import * as z from "zod";
import { type Client, newProject } from "./client.ts";
import { test as base } from "./fixture.ts";
import type { Answer, Inbox, Received, Receiver } from "./receiver.ts";

/** A test with a project for itself: endpoints get every event of theirs. */
export const test = base.extend<{ own: Client }>({
  own: async ({ stack }, use) => use(await newProject(stack.gateway, `endpoints-${crypto.randomUUID()}`)),
});

export const endpoint = z.looseObject({
  id: z.string().regex(/^ep_[0-7][0-9a-z]{25}$/),
  url: z.url(),
  events: z.array(z.string()),
  headers: z.record(z.string(), z.string()),
  metadata: z.record(z.string(), z.string()),
  format: z.string(),
  signatures: z.array(z.string()),
  verified: z.boolean(),
  disabled: z.boolean(),
  secret: z.string().startsWith("whsec_").optional(),
});
export type Endpoint = z.infer<typeof endpoint>;

/** An endpoint, its secret, and what its receiver was sent after it was verified. */
export interface Registered {
  readonly id: string;
  readonly secret: string;
  readonly inbox: Inbox;
}

const event = z.looseObject({ type: z.string(), data: z.looseObject({ challenge: z.string().optional() }) });

/** Answers a challenge as its sender wants it, everything else by the script. */
export function echoing(script: readonly Answer[] = []): (request: Received, index: number) => Answer {
  let sent = 0;
  return (request) => {
    const parsed = event.safeParse(request.body === "" ? {} : JSON.parse(request.body));
    const challenge = parsed.success ? parsed.data.data.challenge : undefined;
    if (challenge !== undefined) return { body: JSON.stringify({ challenge }) };
    return script[sent++] ?? script.at(-1) ?? {};
  };
}

/** Registers an endpoint; it must be accepted. */
export async function register(client: Client, body: Readonly<Record<string, unknown>>): Promise<Endpoint> {
  const reply = await client.send("POST", "/v1/endpoints", { body });
  if (reply.status !== 201) throw new Error(`${reply.status}: ${reply.text}`);
  return endpoint.parse(reply.json());
}

/** Registers an endpoint at a receiver of its own, and verifies it. */
export async function verifiedEndpoint(
  client: Client,
  receiver: Receiver,
  wanted: Readonly<Record<string, unknown>> = {},
  script: readonly Answer[] = [],
): Promise<Registered> {
  const inbox = receiver.open(echoing(script));
  const { id, secret = "" } = await register(client, { url: inbox.url, events: ["task.*"], ...wanted });
  const reply = await client.send("POST", `/v1/endpoints/${id}/verify`);
  if (reply.status !== 200) throw new Error(`${reply.status}: ${reply.text}`);
  const events = () => inbox.received.filter(({ body }) => !body.includes('"endpoint.verification"'));
  return {
    id,
    secret,
    inbox: {
      url: inbox.url,
      get received() {
        return events();
      },
      wait: async (count, timeoutMs) => {
        await inbox.wait(count + 1, timeoutMs);
        return events();
      },
    },
  };
}

/** Changes an endpoint; the change must be accepted. */
export async function patch(
  client: Client,
  id: string,
  body: Readonly<Record<string, unknown>>,
): Promise<Endpoint> {
  const reply = await client.send("PATCH", `/v1/endpoints/${id}`, { body });
  if (reply.status !== 200) throw new Error(`${reply.status}: ${reply.text}`);
  return endpoint.parse(reply.json());
}
