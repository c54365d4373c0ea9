import { createServer as createSocketServer } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createFetcher } from "../../src/adapters/egress/fetch.ts";
import { failureCode } from "../../src/adapters/egress/fetch-failure.ts";
import { echo, failure, fetcher, guard, listen, lookup, serve } from "./local-server.ts";

describe("failures", () => {
  it("connect-failed: nobody listens; response-aborted: the connection was made, and breaks", async () => {
    const server = createSocketServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const refused = await failure(fetcher.fetch(`http://127.0.0.1:${port}/`, { redirect: "manual" }));
    expect(refused.code).toBe("connect-failed");
    expect(refused.message).not.toContain("127.0.0.1");
    const breaking = await listen(
      createSocketServer((socket) => socket.once("data", () => socket.destroy())),
    );
    const broken = await failure(fetcher.fetch(`http://127.0.0.1:${breaking}/`, { redirect: "manual" }));
    expect(broken.code).toBe("response-aborted");
    const garbled = await listen(
      createSocketServer((socket) => socket.once("data", () => socket.end("no\n"))),
    );
    const nonsense = await failure(fetcher.fetch(`http://127.0.0.1:${garbled}/`, { redirect: "manual" }));
    expect(nonsense.code).toBe("response-aborted");
  });

  it("dns-failed: the name does not resolve", async () => {
    const open = createFetcher({ guard: { ...guard, checkUrl: () => undefined }, lookup });
    expect((await failure(open.fetch("http://nowhere.invalid/", { redirect: "manual" }))).code).toBe(
      "dns-failed",
    );
  });

  it("tls-failed: what answers does not speak TLS", async () => {
    const plain = await serve(echo);
    const mute = await failure(fetcher.fetch(plain.replace("http:", "https:"), { redirect: "manual" }));
    expect(mute.code).toBe("tls-failed");
  });

  it("timeout: the caller's own time, and a signal that is one", async () => {
    const url = await serve(() => undefined);
    expect((await failure(fetcher.fetch(url, { redirect: "manual", timeout: 50 }))).code).toBe("timeout");
    const signal = AbortSignal.timeout(50);
    expect((await failure(fetcher.fetch(url, { redirect: "manual", signal }))).code).toBe("timeout");
  });

  it("the caller's own time counts, a longer one too: a minute is for those that name none", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const mute = createFetcher({
      guard,
      lookup,
      send: (_url, { signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason));
        }),
    });
    const ended: string[] = [];
    const ask = async (name: string, timeout?: number) => {
      const request = mute.fetch("http://127.0.0.1/", { redirect: "manual", ...(timeout && { timeout }) });
      ended.push(`${name}: ${(await failure(request)).code}`);
    };
    const asked = [ask("no time"), ask("five minutes", 300_000)];
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ended).toEqual(["no time: timeout"]);
    await vi.advanceTimersByTimeAsync(239_999);
    expect(ended).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await Promise.all(asked);
    expect(ended).toEqual(["no time: timeout", "five minutes: timeout"]);
  });

  it("the caller's own reason comes back as it is, before and during the request", async () => {
    const url = await serve(() => undefined);
    const reason = new Error("canceled");
    await expect(fetcher.fetch(url, { redirect: "manual", signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 30);
    await expect(fetcher.fetch(url, { redirect: "manual", signal: controller.signal })).rejects.toBe(reason);
  });

  // What each runtime was seen to throw.
  it.each([
    ["workerd", new Error("Network connection lost."), "connect-failed"],
    ["workerd", new Error("internal error; reference = 6dt7qvs1gqcivu77lkv6sv9k"), "connect-failed"],
    [
      "Deno",
      deno(
        "(https://x.example/): client error (Connect): tcp connect error: Connection refused (os error 111)",
      ),
      "connect-failed",
    ],
    [
      "Deno",
      deno("(http://x.invalid/): client error (Connect): dns error: failed to lookup address information"),
      "dns-failed",
    ],
    [
      "Deno",
      deno("(https://x.example/): client error (Connect): invalid peer certificate: UnknownIssuer"),
      "tls-failed",
    ],
    [
      "Deno",
      deno(
        "(https://x.example/): client error (Connect): received corrupt message of type InvalidContentType",
      ),
      "tls-failed",
    ],
    [
      "Deno",
      deno("(https://x.example/dns-error/certificate/timed-out): client error (SendRequest)"),
      "response-aborted",
    ],
    [
      "Deno",
      deno("(http://x.example/): client error (SendRequest): invalid content-length parsed"),
      "response-aborted",
    ],
    [
      "Deno",
      deno("(https://x.example/): client error (SendRequest): received fatal alert: CertificateRequired"),
      "response-aborted",
    ],
    [
      "Deno",
      deno("(https://x.example/(SendRequest)): client error (Connect): tcp connect error"),
      "connect-failed",
    ],
    ["Node", node("ECONNREFUSED"), "connect-failed"],
    ["Node", node("EAI_AGAIN"), "dns-failed"],
    ["Node", node("UND_ERR_CONNECT_TIMEOUT"), "timeout"],
    ["Node", node("DEPTH_ZERO_SELF_SIGNED_CERT"), "tls-failed"],
    ["Node", node("ERR_TLS_CERT_ALTNAME_INVALID"), "tls-failed"],
    ["anything else", "no error at all", "connect-failed"],
  ])("%s: %s", (_runtime, error, code) => {
    expect(failureCode(error).code).toBe(code);
  });
});

function deno(message: string): Error {
  return new TypeError("fetch failed", { cause: new Error(`error sending request for url ${message}`) });
}

function node(code: string): Error {
  return new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code }) });
}
