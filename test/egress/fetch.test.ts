import { describe, expect, it } from "vitest";
import { createFetcher } from "../../src/adapters/egress/fetch.ts";
import { createGuard } from "../../src/adapters/egress/guard.ts";
import { type Answer, echo, failure, fetcher, lookup, serve } from "./local-server.ts";

function redirectTo(status: number, location: string): Answer {
  return (request, response, body) => {
    if (request.url !== "/start") return echo(request, response, body);
    response.writeHead(status, { location }).end("moved");
  };
}

describe("what is sent", () => {
  it("carries method, body and headers, without those of a connection, Host and upstash-*", async () => {
    const url = await serve(echo);
    const response = await fetcher.fetch(`${url}/x?y=1`, {
      method: "POST",
      body: "payload",
      headers: {
        "content-type": "text/plain",
        "webhook-id": "evt_1",
        authorization: "Bearer theirs",
        connection: "x-secret",
        "x-secret": "1",
        host: "internal.corp",
        te: "trailers",
        "proxy-authorization": "Basic x",
        "upstash-forward-x": "1",
        "Upstash-Signature": "x",
      },
      redirect: "manual",
    });
    const seen = await response.json();
    expect(seen).toMatchObject({ method: "POST", url: "/x?y=1", body: "payload" });
    expect(seen.headers).toMatchObject({
      "content-type": "text/plain",
      "webhook-id": "evt_1",
      authorization: "Bearer theirs",
      host: url.slice("http://".length),
    });
    for (const name of ["x-secret", "te", "proxy-authorization", "upstash-forward-x", "upstash-signature"]) {
      expect(seen.headers).not.toHaveProperty(name);
    }
  });

  it("is nothing when the guard refuses", async () => {
    let calls = 0;
    const strict = createFetcher({
      guard: createGuard({ mode: "strict", allow: [], ownHosts: [], upstashHosts: [] }),
      lookup,
      send: async () => {
        calls += 1;
        return new Response();
      },
    });
    const refused = await failure(strict.fetch("https://169.254.169.254/", { redirect: "follow" }));
    expect(refused.code).toBe("unsafe-address");
    expect(strict.checkUrl("https://169.254.169.254/")?.code).toBe("unsafe-address");
    expect(calls).toBe(0);
  });
});

describe("redirects", () => {
  it("are handed over as they are under manual", async () => {
    const url = await serve(redirectTo(302, "/end"));
    const response = await fetcher.fetch(`${url}/start`, { redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([302, "/end"]);
  });

  it.each([
    [301, "POST", "GET"],
    [302, "POST", "GET"],
    [303, "POST", "GET"],
    [303, "PUT", "GET"],
    [301, "PUT", "PUT"],
    [302, "HEAD", "HEAD"],
    [303, "HEAD", "HEAD"],
    [307, "POST", "POST"],
    [308, "PUT", "PUT"],
  ])("%d of %s becomes %s", async (status, method, expected) => {
    const seen: string[] = [];
    const url = await serve((request, response, body) => {
      seen.push(`${request.method} ${request.headers["content-type"] ?? "-"} ${body}`);
      redirectTo(status, "/end?a=b")(request, response, body);
    });
    const send = method === "HEAD" ? {} : { body: "x", headers: { "content-type": "text/plain" } };
    const response = await fetcher.fetch(`${url}/start`, { method, ...send, redirect: "follow" });
    await response.text();
    expect(response.status).toBe(200);
    const kept = expected === method && method !== "HEAD" ? "text/plain x" : "- ";
    expect(seen[1]).toBe(`${expected} ${kept}`);
  });

  it("lose Authorization and Cookie when they leave the origin, and keep them within", async () => {
    const target = await serve(echo);
    const headers = { authorization: "Bearer t", cookie: "a=b", "x-kept": "1" };
    const away = await serve(redirectTo(307, `${target}/end`));
    const left = await (await fetcher.fetch(`${away}/start`, { headers, redirect: "follow" })).json();
    expect(left.headers).toMatchObject({ "x-kept": "1" });
    expect(left.headers).not.toHaveProperty("authorization");
    expect(left.headers).not.toHaveProperty("cookie");

    const within = await serve(redirectTo(307, "/end"));
    const stayed = await (await fetcher.fetch(`${within}/start`, { headers, redirect: "follow" })).json();
    expect(stayed.headers).toMatchObject(headers);
  });

  it.each([
    "http://169.254.169.254/latest/meta-data",
    "//[::ffff:a9fe:a9fe]/",
    "http://user@127.0.0.1/",
    "file:///etc/passwd",
  ])("to %s are refused, though the first hop was fine", async (location) => {
    const url = await serve(redirectTo(302, location));
    const refused = await failure(fetcher.fetch(`${url}/start`, { redirect: "follow" }));
    expect(refused.code).toBe("unsafe-address");
  });

  it("are followed five times and no more", async () => {
    const url = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end("there");
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    expect(await (await fetcher.fetch(`${url}/5`, { redirect: "follow" })).text()).toBe("there");
    expect((await failure(fetcher.fetch(`${url}/6`, { redirect: "follow" }))).code).toBe("redirect");
  });

  it("without a Location, or to no URL, or asking for a streamed body, are not followed", async () => {
    const bare = await serve((_request, response) => response.writeHead(302).end("bare"));
    expect((await fetcher.fetch(bare, { redirect: "follow" })).status).toBe(302);
    const broken = await serve(redirectTo(302, "http://[x"));
    expect((await failure(fetcher.fetch(`${broken}/start`, { redirect: "follow" }))).code).toBe("redirect");
    const again = await serve(redirectTo(307, "/end"));
    const body = new Response("streamed").body;
    if (!body) throw new Error("no body");
    const streamed = fetcher.fetch(`${again}/start`, { method: "POST", body, redirect: "follow" });
    expect((await failure(streamed)).code).toBe("redirect");
  });
});
