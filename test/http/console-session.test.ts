import { describe, expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import type { Scope } from "../../src/projects/caller.ts";
import { SESSION_LIFE } from "../../src/projects/session.ts";
import { ADMIN_TOKEN, type Gateway, NOW, open } from "./gateway.ts";

const NAME = "__Host-ringback-console";
const OURS = { "ringback-request": "1" };
const project = "prj_01kawtzq4je0a8yqh3n5v6w7x8";

/** A store in which every API key has these scopes, or is revoked. */
const storeWith = (scopes: readonly Scope[] | "revoked") => ({
  authorize: (_: unknown, scope: Scope) => {
    if (scopes === "revoked") return Promise.resolve({ kind: "unauthenticated" } as const);
    return Promise.resolve({ kind: scopes.includes(scope) ? "allowed" : "forbidden" } as const);
  },
  listProjects: () => Promise.resolve({ data: [{ id: project, name: "shop" }] }),
});

/** A request without the key that the gateway of these tests sends along. */
async function send(
  gateway: Gateway,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: unknown } = {},
): Promise<Response> {
  return gateway.send(method, path, {
    headers: {
      authorization: "",
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** Signs in, and gives the cookie as a browser sends it. */
async function signIn(gateway: Gateway, token: string): Promise<string> {
  const answer = await send(gateway, "POST", "/console/session", { body: { token } });
  expect(answer.status).toBe(200);
  return cookieOf(answer);
}

const cookieOf = (answer: Response): string => answer.headers.get("set-cookie")?.split(";")[0] ?? "";

describe("the sign-in", () => {
  test("gives a sealed cookie for 12 hours that scripts and other sites never get", async () => {
    const answer = await send(await open(), "POST", "/console/session", { body: { token: ADMIN_TOKEN } });
    const [pair = "", ...attributes] = answer.headers.get("set-cookie")?.split("; ") ?? [];
    expect(attributes.toSorted()).toEqual([
      "HttpOnly",
      "Max-Age=43200",
      "Path=/",
      "SameSite=Strict",
      "Secure",
    ]);
    expect(pair).toMatch(/^__Host-ringback-console=rbs_[\w-]+$/);
    expect(await answer.json()).toMatchObject({
      kind: "admin",
      expiresAt: new Date(NOW + SESSION_LIFE).toISOString(),
    });
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  test("asks Redis once for keys of an unknown generation, however many come", async () => {
    let reads = 0;
    const generations = async () => {
      reads++;
      return { complete: "1" };
    };
    const gateway = await open({ store: { generations } });
    for (const master of ["one", "two", "three"]) {
      const token = await createKeyring(webCrypto, master).issueApiKey(
        project,
        new Uint8Array(16),
        new Uint8Array(24),
      );
      const answer = await send(gateway, "POST", "/console/session", { body: { token } });
      expect(answer.status).toBe(401);
    }
    expect(reads).toBe(1);
  });

  test("takes the credential as a bearer token too, and an API key with the scopes that it has", async () => {
    const gateway = await open({ store: storeWith(["tasks:read"]) });
    const admin = await send(gateway, "POST", "/console/session", {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect(admin.status).toBe(200);
    // Without a header of its own the gateway of these tests sends the project's key.
    const key = await gateway.send("POST", "/console/session");
    expect(await key.json()).toMatchObject({ kind: "api-key", project, scopes: ["tasks:read"] });
  });

  test.each([
    ["nothing", {}],
    ["a wrong token", { token: "wrong" }],
    ["spaces", { token: "   " }],
  ])("refuses %s and sets no cookie", async (_, body) => {
    const answer = await send(await open({ store: storeWith([]) }), "POST", "/console/session", { body });
    expect([answer.status, answer.headers.get("set-cookie")]).toEqual([401, null]);
    expect(await answer.json()).toMatchObject({ code: "unauthenticated" });
  });

  test("refuses a key that Redis does not know any more", async () => {
    const answer = await (await open({ store: storeWith("revoked") })).send("POST", "/console/session");
    expect([answer.status, answer.headers.get("set-cookie")]).toEqual([401, null]);
  });
});

describe("a session", () => {
  test("stands in for the admin token, only with the header Ringback-Request: 1", async () => {
    const gateway = await open({ store: storeWith([]) });
    const cookie = await signIn(gateway, ADMIN_TOKEN);
    const status = async (headers: Record<string, string>) =>
      (await send(gateway, "GET", "/admin/projects", { headers: { cookie, ...headers } })).status;
    expect(await status(OURS)).toBe(200);
    for (const headers of [{}, { "ringback-request": "0" }, { "ringback-request": "true" }])
      expect(await status(headers), JSON.stringify(headers)).toBe(401);
    expect((await send(gateway, "GET", "/console/session", { headers: { cookie } })).status).toBe(401);
  });

  test("of a key is no admin's, and ends when the key is revoked", async () => {
    const signed = await (await open({ store: storeWith(["admin"]) })).send("POST", "/console/session");
    const headers = { cookie: cookieOf(signed), ...OURS };
    const gateway = await open({ store: storeWith(["admin"]) });
    expect((await send(gateway, "GET", "/admin/projects", { headers })).status).toBe(401);
    expect((await send(gateway, "GET", "/console/session", { headers })).status).toBe(200);
    const revoked = await open({ store: storeWith("revoked") });
    expect((await send(revoked, "GET", "/console/session", { headers })).status).toBe(401);
    expect(
      (await send(revoked, "POST", "/v1/endpoints/ep_01kawv0m1ne0p86qyrcy9ba2z4/test", { headers })).status,
    ).not.toBe(200);
  });

  test("ends after 12 hours, and with the admin token", async () => {
    const cookie = await signIn(await open(), ADMIN_TOKEN);
    const status = async (gateway: Gateway) =>
      (await send(gateway, "GET", "/console/session", { headers: { cookie, ...OURS } })).status;
    expect(await status(await open({ clock: () => NOW + SESSION_LIFE - 1 }))).toBe(200);
    expect(await status(await open({ clock: () => NOW + SESSION_LIFE }))).toBe(401);
    expect(await status(await open({ settings: { adminToken: "another-admin-token-of-some-length" } }))).toBe(
      401,
    );
  });

  test("cannot be forged, damaged, or made of another token of ours", async () => {
    const gateway = await open({ store: storeWith([]) });
    const cookie = await signIn(gateway, ADMIN_TOKEN);
    const text = cookie.slice(NAME.length + 1);
    const middle = Math.floor(text.length / 2);
    const flipped = text.slice(0, middle) + (text[middle] === "A" ? "B" : "A") + text.slice(middle + 1);
    for (const forged of [
      flipped,
      text.slice(0, -4),
      `${text}AAAA`,
      "rbs_",
      "rbs_AAAA",
      "rb_AAAA",
      "",
      "%",
      '"',
      "x".repeat(8_000),
    ]) {
      const headers = { cookie: `${NAME}=${forged}`, ...OURS };
      expect((await send(gateway, "GET", "/console/session", { headers })).status, forged.slice(0, 40)).toBe(
        401,
      );
    }
  });

  test("never goes before a bearer token", async () => {
    const gateway = await open({ store: storeWith([]) });
    const cookie = await signIn(gateway, ADMIN_TOKEN);
    const headers = { cookie, ...OURS, authorization: "Bearer wrong" };
    expect((await gateway.send("GET", "/admin/projects", { headers })).status).toBe(401);
  });

  test("ends at the sign-out, which takes the cookie away", async () => {
    const answer = await send(await open(), "DELETE", "/console/session");
    expect(answer.status).toBe(204);
    expect(answer.headers.get("set-cookie")).toMatch(
      /^__Host-ringback-console=; Max-Age=0; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
  });
});

describe("the page", () => {
  const PAGE =
    '<link rel="icon" href="/console/icon.svg"><script type="module" src="/console/app.js"></script>';
  const assets = {
    fetch: () =>
      Promise.resolve(
        new Response(PAGE, {
          headers: { "content-type": "text/html", "content-length": `${PAGE.length}`, etag: '"e"' },
        }),
      ),
  };

  test("names its files below the gateway's base path", async () => {
    const gateway = await open({ assets, settings: { publicUrl: "https://shop.example.com/async" } });
    const answer = await send(gateway, "GET", "/console");
    const text = await answer.text();
    expect(text).toBe(PAGE.replaceAll("/console/", "/async/console/"));
    expect(answer.headers.get("content-length") ?? `${text.length}`).toBe(`${text.length}`);
    const etag = answer.headers.get("etag") ?? "";
    expect(etag).toBe('"e%2Fasync"');
    const again = await send(gateway, "GET", "/console", { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
  });

  test("is as it was built without a base path", async () => {
    const answer = await send(await open({ assets }), "GET", "/console");
    expect([await answer.text(), answer.headers.get("etag")]).toEqual([PAGE, '"e"']);
  });
});
