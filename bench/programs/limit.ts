import { Redis } from "@upstash/redis/cloudflare";
import * as z from "zod/mini";
import { derive } from "../../src/adapters/crypto/generation.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { hourOf, keysOf, taskMember } from "../../src/adapters/redis/keys.ts";
import { named } from "../../src/adapters/redis/script.ts";
import { ACCEPT } from "../../src/adapters/redis/tasks/accept.ts";
import { secureHeaders } from "../../src/http/pipeline/secure-headers.ts";
import { fromBase64url, hex } from "../../src/shared/bytes.ts";
import { idOf, makeId } from "../../src/shared/id.ts";
import { DEFAULT_RETENTION, listingOf } from "../../src/tasks/retention.ts";
import type { Services } from "./services.ts";

const Body = z.strictObject({
  type: z.literal("diagnostics.echo"),
  input: z.json(),
  callbackUrl: z.optional(z.url()),
  delay: z.literal("2h"),
});

/** An API key: `rb_`, then the id of a master secret, of a project and of the key, a secret, and a MAC over them. */
const PLACES = { project: 4, key: 20, secret: 36, mac: 60, end: 68 } as const;

const DELAY = 7_200_000;
const DEADLINE = 86_400_000;
const RATE = 100_000;
const LISTING = listingOf(DEFAULT_RETENTION, { deadline: DEADLINE });

const HEADERS = {
  ...Object.fromEntries(secureHeaders("/v1/tasks")),
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  Vary: "Prefer",
};

/**
 * The limit: an accept written by hand in one function, without a framework. It does what the gateway's accept does for
 * this very body: checks the key's MAC, validates, runs the real script, answers with the whole task and all headers.
 * It lacks every other route, option and error.
 */
export function createLimit(services: Services) {
  const redis = new Redis({
    url: services.redisUrl,
    token: services.redisToken,
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
  });
  const generation = derive(webCrypto, services.masterSecret);
  let loaded: Promise<string> | undefined;
  return {
    async fetch(request: Request): Promise<Response> {
      loaded ??= redis.scriptLoad(ACCEPT.lua);
      if (request.url.endsWith("/ready")) return new Response(await loaded);
      const bytes = fromBase64url((request.headers.get("authorization") ?? "").slice("Bearer rb_".length));
      if (bytes?.length !== PLACES.end) return new Response(null, { status: 401 });
      const { apiKeys } = await generation;
      const mac = await apiKeys(bytes.slice(0, PLACES.mac));
      let difference = 0;
      for (let i = 0; i < 8; i++) difference |= (mac[i] ?? 0) ^ (bytes[PLACES.mac + i] ?? 0);
      if (difference !== 0) return new Response(null, { status: 401 });
      const hash = await crypto.subtle.digest("SHA-256", bytes.subarray(PLACES.secret, PLACES.mac));
      const parsed = z.safeParse(Body, JSON.parse(await request.text()));
      if (!parsed.success) return new Response(null, { status: 422 });
      const { type, input, callbackUrl } = parsed.data;
      const project = idOf("prj", bytes.subarray(PLACES.project, PLACES.key));
      const time = Date.now();
      const id = makeId("task", time, 0, crypto.getRandomValues(new Uint8Array(8)));
      const hour = hourOf(time);
      const keys = keysOf(project);
      const [code, now = "", limit, remaining, reset] = await redis.evalsha<string[], (string | number)[]>(
        await loaded,
        [keys.due, keys.project, keys.task(id), keys.index(hour), keys.hours, keys.lateHours],
        [
          ...named({
            offset: 0,
            key: hex(bytes.subarray(PLACES.key, PLACES.secret)),
            secret: hex(new Uint8Array(hash)),
            scope: "tasks:write",
            member: taskMember(project, id),
            id,
            type,
            hour,
            rate: RATE,
            quota: RATE * RATE,
            delay: DELAY,
            at: "",
            deadline: DEADLINE,
            fingerprint: "",
            idempotency: 0,
            input: 0,
            batch: 0,
            config: 0,
            lease: "",
            length: 0,
            searchable: 0,
            listed: LISTING.length,
            usual: LISTING.isUsual ? "1" : "",
            watch: 0,
          }),
          ...["type", type, "max", "4", "opt", `{"deadline":${DEADLINE}}`, "in", JSON.stringify(input)],
          ...(callbackUrl === undefined ? [] : ["cb", JSON.stringify({ url: callbackUrl })]),
        ].map(String),
      );
      if (code !== "accepted") return new Response(String(code), { status: 503 });
      const self = `${services.publicUrl}/v1/tasks/${id}`;
      const at = (later: number) => new Date(Number(now) + later).toISOString();
      const task = {
        ...{ id, type, status: "scheduled", done: false, run: 1, sequence: 1, attempt: 0, maxAttempts: 4 },
        ...{ createdAt: at(0), notBefore: at(DELAY), deadlineAt: at(DELAY + DEADLINE), metadata: {} },
        ...(callbackUrl !== undefined && { callback: { url: callbackUrl, status: "pending", attempts: 0 } }),
        links: { self, result: `${self}/result`, events: `${self}/events`, cancel: `${self}/cancel` },
      };
      return new Response(JSON.stringify(task), {
        status: 202,
        headers: {
          ...HEADERS,
          Location: self,
          "Operation-Location": `${self}/operation`,
          "Content-Location": self,
          "Retry-After": "60",
          RateLimit: `"default";r=${remaining};t=${Math.ceil(Number(reset) / 1_000)}`,
          "RateLimit-Policy": `"default";q=${limit};w=1`,
          "X-Request-Id": crypto.randomUUID(),
        },
      });
    },
  };
}
