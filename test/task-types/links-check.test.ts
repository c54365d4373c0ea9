import { describe, expect, it } from "vitest";
import { linksCheck } from "../../src/task-types/links-check.ts";
import { type Answer, serve } from "../egress/local-server.ts";
import { faults, run } from "./context.ts";

/** Answers with the status that the path names; `/head/405` only for HEAD. */
const byPath: Answer = (request, response) => {
  const [, how, status] = /^\/(get|head)\/(\d+)/.exec(request.url ?? "") ?? [];
  const location = REDIRECTS.get(request.url ?? "");
  if (location !== undefined) response.writeHead(302, { location }).end();
  else if (how === "head" && request.method !== "HEAD") response.writeHead(200).end("x");
  else if (request.url !== "/silent") response.writeHead(Number(status)).end("x");
};

const REDIRECTS = new Map([
  ["/loop", "/loop"],
  ["/away", "http://169.254.169.254/"],
  ["/moved", "/get/200"],
  ["/gone", "/get/404"],
]);

describe("links.check", () => {
  it("counts what is there and lists what is not, in the order of the input", async () => {
    const url = await serve(byPath);
    const paths = [
      "/get/200",
      "/get/404",
      "/get/204",
      "/moved",
      "/gone",
      "/get/500",
      "/head/405",
      "/head/501",
      "/loop",
      "/away",
    ];
    const urls = [...paths.map((path) => url + path), "http://127.0.0.1:9/", "http://nowhere.invalid/"];
    expect(await run(linksCheck, { urls })).toEqual({
      checked: 12,
      ok: 5,
      broken: [
        { url: `${url}/get/404`, status: 404 },
        { url: `${url}/gone`, status: 404 },
        { url: `${url}/get/500`, status: 500 },
        { url: `${url}/loop`, error: "redirect" },
        { url: `${url}/away`, error: "unsafe-address" },
        { url: "http://127.0.0.1:9/", error: "connect-failed" },
        { url: "http://nowhere.invalid/", error: "unsafe-address" },
      ],
    });
  });

  it("asks by HEAD, and by GET only where HEAD is not offered", async () => {
    const asked: string[] = [];
    const url = await serve((request, response, body) => {
      asked.push(`${request.method} ${request.url}`);
      byPath(request, response, body);
    });
    await run(linksCheck, { urls: [`${url}/get/200`, `${url}/head/405`] });
    expect(asked.toSorted()).toEqual(["GET /head/405", "HEAD /get/200", "HEAD /head/405"]);
  });

  it("has at most four requests under way", async () => {
    let open = 0;
    let most = 0;
    const url = await serve((_request, response) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        response.end();
      }, 15);
    });
    const progress: number[] = [];
    const urls = Array.from({ length: 20 }, (_, index) => `${url}/${index}`);
    const options = { progress: ({ percent }: { percent?: number }) => progress.push(percent ?? -1) };
    expect(await run(linksCheck, { urls }, options)).toEqual({ checked: 20, ok: 20, broken: [] });
    expect(most).toBe(4);
    expect([progress.length, progress.at(-1)]).toEqual([20, 100]);
  });

  it("gives each link its own time", async () => {
    const url = await serve(byPath);
    const result = await run(linksCheck, { urls: [`${url}/silent`, `${url}/get/200`], timeout: "80ms" });
    expect(result).toEqual({ checked: 2, ok: 1, broken: [{ url: `${url}/silent`, error: "timeout" }] });
  });

  it("ends with the signal's reason, not with broken links", async () => {
    const url = await serve(byPath);
    const controller = new AbortController();
    const reason = new Error("canceled");
    setTimeout(() => controller.abort(reason), 30);
    const running = run(linksCheck, { urls: [`${url}/silent`] }, { signal: controller.signal });
    await expect(running).rejects.toBe(reason);
  });

  it("declares every URL, so that it is judged at submit", () => {
    const input = { urls: ["https://a.example/", "https://b.example/"] };
    expect(linksCheck.urls?.(input)).toEqual({
      "/urls/0": "https://a.example/",
      "/urls/1": "https://b.example/",
    });
  });

  it.each<[string, object, string[]]>([
    ["one", { urls: ["https://a.example/"] }, []],
    ["a hundred", { urls: Array.from({ length: 100 }, () => "https://a.example/"), timeout: "5s" }, []],
    ["too many", { urls: Array.from({ length: 101 }, () => "https://a.example/") }, ["urls"]],
    ["none", { urls: [] }, ["urls"]],
    ["no text", { urls: [1] }, ["urls/0"]],
    ["no duration", { urls: ["https://a.example/"], timeout: "5" }, ["timeout"]],
    ["too long a duration", { urls: ["https://a.example/"], timeout: "61s" }, ["timeout"]],
    ["no time at all", { urls: ["https://a.example/"], timeout: "0s" }, ["timeout"]],
    ["an unknown field", { urls: ["https://a.example/"], method: "GET" }, [""]],
  ])("input: %s", (_name, input, expected) => {
    expect(faults(linksCheck, input)).toEqual(expected);
  });
});
