import type { StatusCode } from "hono/utils/http-status";
import { ApiError } from "../../../shared/problems.ts";
import { basePathOf } from "../../mount-point.ts";
import { namesTag } from "../../pipeline/etag.ts";
import { type Call, type Declared, type Route, route } from "../../pipeline/route.ts";

/** Serves files: the `ASSETS` binding on Workers, a reader of the disk elsewhere. */
export interface Assets {
  fetch(request: Request): Promise<Response>;
}

export const kept = { headers: ["Cache-Control", "ETag"] } as const;
export const UNCHANGED = {
  description: "Nothing has changed since the `ETag` that was sent.",
  ...kept,
} as const;
export const PAGE = {
  200: { description: "The page.", media: "text/html", ...kept },
  304: UNCHANGED,
} as const;
const SCRIPT = {
  200: { description: "The script.", media: "text/javascript", ...kept },
  304: UNCHANGED,
} as const;

const FILE = {
  200: { description: "The script, the style sheet or the icon.", media: "*/*", ...kept },
  304: UNCHANGED,
} as const;

/** The parts that every route to a file has. */
export function fileRoute(assets: Assets | undefined) {
  return {
    method: "GET",
    tag: "Operations",
    access: "open",
    headers: ["If-None-Match"],
    problems: ["not-found"],
    handle: ({ c, send }: FileCall) => serve(c, send, assets),
  } as const;
}

/** The pages that are made when the gateway is built. They are not part of its bundle. */
export function staticRoutes(assets?: Assets): readonly Route[] {
  const page = fileRoute(assets);
  return [
    route({
      ...page,
      path: "/docs",
      operation: "getDocs",
      summary: "Read this API's reference",
      description:
        "This document as a page, with search and a form that sends requests. It loads nothing from another host.",
      answers: PAGE,
    }),
    route({
      ...page,
      path: "/docs/:file",
      operation: "getDocsScript",
      summary: "Read a script of the reference",
      description: "`scalar.js` is the viewer (Scalar), `reference.js` its configuration.",
      params: { file: { description: "The script's file name.", example: "reference.js" } },
      answers: SCRIPT,
    }),
    route({
      ...page,
      path: "/console",
      operation: "getConsole",
      summary: "Open the console",
      description: "The web app for operators. It signs in at `/console/session`.",
      answers: PAGE,
      handle: ({ c, ctx, send }) => serve(c, send, assets, basePathOf(ctx.settings.publicUrl)),
    }),
    route({
      ...page,
      path: "/console/:file",
      operation: "getConsoleFile",
      summary: "Read a file of the console",
      description: "`app.js` is the app, `app.css` its style, `icon.svg` its icon.",
      params: { file: { description: "The file's name.", example: "app.js" } },
      answers: FILE,
    }),
  ];
}

export type FileCall = Pick<Call<unknown, unknown, unknown, typeof PAGE>, "c" | "send">;

const WITHOUT_FILES =
  "This deployment serves no files. Add to createRingback: assets: (env) => env.ASSETS, a binding to the folder node_modules/ringback/dist/assets.";

/**
 * A file changes with a deployment and keeps its name, so a cache asks by ETag before it uses a copy. The condition is
 * judged here, because Cloudflare's file server knows neither lists of tags nor `*`.
 */
export async function serve(
  c: FileCall["c"],
  send: FileCall["send"],
  assets: Assets | undefined,
  basePath = "",
): Promise<Declared> {
  if (!assets) throw new ApiError("not-found", WITHOUT_FILES);
  // Cloudflare redirects `/docs.html` to `/docs`; here each page has one address.
  const file = await assets.fetch(new Request(c.req.url, { redirect: "manual" }));
  if (file.status === 404 || file.headers.has("location"))
    throw new ApiError("not-found", `Nothing is at ${c.req.path}.`);
  const etag = taggedFor(basePath, file.headers.get("etag"));
  if (etag && namesTag(c.req.header("if-none-match") ?? "", etag.replace(/^W\//, ""))) {
    await file.body?.cancel();
    return send(c.newResponse(null, 304, { etag, "cache-control": "no-cache" }));
  }
  const headers = { ...Object.fromEntries(file.headers), "cache-control": "no-cache", ...(etag && { etag }) };
  const status = file.status as StatusCode; // as the file server says
  if (basePath === "") return send(c.newResponse(file.body, status, headers));
  const page = (await file.text()).replaceAll('="/console/', `="${basePath}/console/`);
  const { "content-length": _, ...others } = headers as Record<string, string>; // of the page before the change
  return send(c.newResponse(page, status, others));
}

/** A page that names the base path is another one under another base path. */
function taggedFor(basePath: string, etag: string | null): string | null {
  return basePath === "" || etag === null ? etag : etag.replace(/"$/, `${encodeURIComponent(basePath)}"`);
}
