import { createServer as createPlainServer } from "node:http";
import { createServer, type Server } from "node:https";
import { createServer as createSocketServer } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Doh, type Zone } from "../support/doh.ts";
import type { Outcome, Wanted } from "./deno/requests.ts";
import { listen, onDeno as runOnDeno, secure, stopServers } from "./deno/run.ts";

/** What arrived at 127.0.0.1, to which the machine resolves `localhost`. */
let arrived: string[] = [];
let inside: Server;
let vetted: Server;
let port = 0;
let zone: Zone | undefined;
let doh: Doh;
beforeAll(async () => {
  inside = createServer(secure, (request, response) => {
    arrived.push(request.url ?? "");
    response.end("inside");
  });
  vetted = createServer(secure, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      if (url === "/gzip") {
        response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("unpacked"));
      } else if (url === "/broken") {
        response.writeHead(200, { "content-length": "100" });
        response.write("half", () => response.destroy());
      } else if (url === "/silent") {
        response.writeHead(200).write("half");
      } else if (url !== "/mute") {
        const sni = "servername" in request.socket ? request.socket.servername : undefined;
        response.end(JSON.stringify({ method, url, headers, sni, body: Buffer.concat(chunks).toString() }));
      }
    });
  });
  port = await listen(vetted, "127.0.0.2");
  await listen(inside, "127.0.0.1", port);
  doh = await Doh.start(() => zone);
});

afterAll(async () => {
  stopServers();
  await doh.stop();
});

async function onDeno(wanted: readonly Wanted[], env: Record<string, string> = {}): Promise<Outcome[]> {
  arrived = [];
  return await runOnDeno(wanted, { doh: doh.url, env });
}

const localhost = (path = "/"): string => `https://localhost:${port}${path}`;

describe("rebinding on Deno", () => {
  it("the runtime's own fetch goes where the machine resolves the name to", async () => {
    const [outcome] = await onDeno([{ how: "runtime", url: localhost("/hole"), addresses: ["127.0.0.2"] }]);
    expect(outcome).toMatchObject({ status: 200, text: "inside" });
    expect(arrived).toEqual(["/hole"]);
  });

  it.each([
    ["nothing set", {}],
    ["a proxy that must not be used", { HTTPS_PROXY: "http://127.0.0.1:1" }],
    ["proxies switched off", { NO_PROXY: "*" }],
  ])(
    "ours goes to the address that was judged, by SNI, Host and certificate of the name: %s",
    async (_what, env) => {
      zone = ["127.0.0.2"]; // which the policy lists
      const [outcome] = await onDeno([{ how: "guarded", url: localhost("/pinned") }], env);
      if (!outcome || !("text" in outcome)) throw new Error(JSON.stringify(outcome));
      expect(JSON.parse(outcome.text)).toMatchObject({
        url: "/pinned",
        sni: "localhost",
        headers: { host: `localhost:${port}` },
      });
      expect(arrived).toEqual([]);
    },
  );

  it("nothing reaches the inside when the judged address takes no connection", async () => {
    zone = ["127.0.0.2"];
    const [outcome] = await onDeno([{ how: "pinned", url: localhost(), addresses: ["127.0.0.9"] }]);
    expect(outcome).toMatchObject({ code: "connect-failed" });
    expect(arrived).toEqual([]);
  });

  it("a name that the resolver leads inside is not connected to", async () => {
    zone = ["127.0.0.2", "127.0.0.1"];
    const [outcome] = await onDeno([{ how: "guarded", url: localhost() }]);
    expect(outcome).toMatchObject({ code: "unsafe-address" });
    expect(arrived).toEqual([]);
  });
});

describe("a request over a connection of its own", () => {
  it("carries method, body and headers, tries the next address, and unpacks the answer", async () => {
    const addresses = ["127.0.0.9", "127.0.0.2"];
    const body = "\u00fc".repeat(40_000);
    const [posted, packed, head] = await onDeno([
      {
        how: "pinned",
        addresses,
        url: localhost("/x?y=1"),
        method: "POST",
        body,
        headers: { "webhook-id": "evt_1" },
      },
      { how: "pinned", addresses, url: localhost("/gzip") },
      { how: "pinned", addresses, url: localhost("/x"), method: "HEAD" },
    ]);
    if (!posted || !("text" in posted)) throw new Error(JSON.stringify(posted));
    expect(JSON.parse(posted.text)).toMatchObject({
      method: "POST",
      url: "/x?y=1",
      body,
      headers: { "webhook-id": "evt_1", "content-length": "80000", connection: "close" },
    });
    expect(packed).toMatchObject({ status: 200, text: "unpacked" });
    expect(head).toMatchObject({ status: 200, text: "" });
  });

  it("names what went wrong", async () => {
    const plain = await listen(createPlainServer(), "127.0.0.2");
    const mute = await listen(createSocketServer(), "127.0.0.2");
    const rude = await listen(
      createPlainServer().on("connection", (socket) => socket.end("220 smtp.example.com ESMTP\r\n")),
      "127.0.0.2",
    );
    const addresses = ["127.0.0.2"];
    const quick = { how: "pinned", addresses, timeout: 400 } as const;
    const outcomes = await onDeno([
      { how: "pinned", addresses, url: `https://other.example.com:${port}/` },
      { how: "pinned", addresses, url: `https://localhost:${plain}/` },
      { how: "pinned", addresses, url: `http://localhost:${rude}/` },
      { ...quick, url: `https://localhost:${mute}/` },
      { ...quick, url: localhost("/mute") },
      { ...quick, url: localhost("/silent") },
      { how: "pinned", addresses, url: localhost("/broken") },
    ]);
    expect(outcomes.map((outcome) => ("code" in outcome ? outcome.code : outcome.status))).toEqual([
      "tls-failed",
      "tls-failed",
      "response-aborted",
      "timeout",
      "timeout",
      "timeout",
      "response-aborted",
    ]);
    expect(JSON.stringify(outcomes)).not.toContain("127.0.0");
  });
});
