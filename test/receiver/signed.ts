import { generateKeyPairSync, randomBytes, sign as signBytes } from "node:crypto";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { CallbackError } from "../../src/receiver/index.ts";

/** How a message is signed: by the libraries themselves, so that what they sign is what is accepted. */
export const SIGNERS = {
  standardwebhooks: (secret: string, id: string, at: Date, body: string) =>
    new StandardWebhook(secret).sign(id, at, body),
  svix: (secret: string, id: string, at: Date, body: string) => new SvixWebhook(secret).sign(id, at, body),
} as const;

export function newSecret(bytes = 24): string {
  return `whsec_${randomBytes(bytes).toString("base64")}`;
}

export const EVENT = {
  type: "task.succeeded",
  timestamp: "2026-11-24T09:00:00.500Z",
  data: {
    id: "task_01m85x9krke00bkhqab0efbwty",
    type: "report.generate",
    project: "prj_01m85x9krke00bkhqab0efbwty",
    status: "succeeded",
    done: true,
    run: 1,
    sequence: 3,
    result: { rows: 2, name: "B\u00fccher \u{1f4da}" },
    links: { self: "https://g.example/v1/tasks/t", result: "…", events: "…", cancel: "…" },
  },
};

export const BODY: string = JSON.stringify(EVENT);

export interface Dependencies {
  readonly id?: string;
  readonly at?: Date;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly signature?: string;
}

/** The headers of a callback signed with the secret by `standardwebhooks`; any part can be another. */
export function headersOf(secret: string, deps: Dependencies = {}): Record<string, string> {
  const { id = "evt_01m85x9krke00bkhqab0efbwty", at = new Date(), body = BODY } = deps;
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": `${Math.floor(at.getTime() / 1_000)}`,
    "webhook-signature": deps.signature ?? SIGNERS.standardwebhooks(secret, id, at, text),
  };
}

export function requestOf(secret: string, deps: Dependencies = {}): Request {
  return new Request("https://client.example/hooks", {
    method: "POST",
    headers: headersOf(secret, deps),
    body: deps.body ?? BODY,
  });
}

/** An Ed25519 key pair of the machine's own OpenSSL, and what it signs. */
export function newKeyPair() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const jwk = publicKey.export({ format: "jwk" });
  const raw = Buffer.from(jwk.x ?? "", "base64url");
  return {
    whpk: `whpk_${raw.toString("base64")}`,
    jwk,
    sign: (id: string, at: Date, body: string): string => {
      const content = `${id}.${Math.floor(at.getTime() / 1_000)}.${body}`;
      return `v1a,${signBytes(null, Buffer.from(content), privateKey).toString("base64")}`;
    },
  };
}

/** The code that a callback is refused with; anything else fails the test. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CallbackError)) throw new Error("no CallbackError", { cause: error });
  return error.code;
}
