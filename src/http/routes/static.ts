import type { StatusCode } from "hono/utils/http-status";
import { ApiError } from "../../shared/problems.ts";
import { namesTag } from "../pipeline/etag.ts";
import { type Call, type Route, route } from "../pipeline/route.ts";

/** Serves files: the `ASSETS` binding on Workers, a reader of the disk elsewhere. */
export interface Assets {
  fetch(request: Request): Promise<Response>;
}

/** The pages that are made when the gateway is built, and lie outside of its bundle. */
export function staticRoutes(assets?: Assets): readonly Route[] {
  const handle = ({ c }: Call<unknown, unknown, unknown>): Promise<Response> => serve(c, assets);
  const page = {
    method: "GET",
    tag: "Operations",
    access: "open",
    headers: ["If-None-Match"],
    problems: ["not-found"],
    handle,
  } as const;
  const kept = { headers: ["Cache-Control", "ETag"] } as const;
  const html = { 200: { media: "text/html", ...kept }, 304: kept } as const;
  return [
    route({
      ...page,
      path: "/openapi.json",
      operation: "getOpenApi",
      summary: "Read this API's OpenAPI document",
      answers: { 200: { shape: "OpenApi", ...kept }, 304: kept },
    }),
    route({
      ...page,
      path: "/docs",
      operation: "getDocs",
      summary: "Read this API's reference",
      answers: html,
    }),
    route({
      ...page,
      path: "/docs/:file",
      operation: "getDocsScript",
      summary: "Read a script of the reference",
      params: { file: "text" },
      answers: { 200: { media: "text/javascript", ...kept }, 304: kept },
    }),
    route({
      ...page,
      path: "/problems",
      operation: "listProblems",
      summary: "Read about every problem",
      answers: html,
    }),
    route({
      ...page,
      path: "/problems/:code",
      operation: "getProblem",
      summary: "Read about one problem",
      params: { code: "text" },
      answers: html,
    }),
  ];
}

/**
 * A file changes with a deployment and keeps its name, so a cache asks by ETag before it uses a copy. The condition is
 * judged here, because Cloudflare's file server knows neither lists of tags nor `*`.
 */
async function serve(c: Call<unknown, unknown, unknown>["c"], assets: Assets | undefined): Promise<Response> {
  // Cloudflare redirects `/problems.html` to `/problems`; here each page has one address.
  const file = await assets?.fetch(new Request(c.req.url, { redirect: "manual" }));
  if (!file || file.status === 404 || file.headers.has("location"))
    throw new ApiError("not-found", `Nothing is at ${c.req.path}.`);
  const etag = file.headers.get("etag");
  if (etag && namesTag(c.req.header("if-none-match") ?? "", etag.replace(/^W\//, ""))) {
    await file.body?.cancel();
    return c.newResponse(null, 304, { etag, "cache-control": "no-cache" });
  }
  const headers = { ...Object.fromEntries(file.headers), "cache-control": "no-cache" };
  return c.newResponse(file.body, file.status as StatusCode, headers); // as the file server says
}
