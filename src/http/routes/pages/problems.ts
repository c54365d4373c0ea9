import { ApiError, PROBLEMS, type ProblemCode } from "../../../shared/problems.ts";
import { basePathOf } from "../../mount-point.ts";
import { escapeHtml } from "../../pages/layout.ts";
import { problemIndex, problemPage } from "../../pages/problems.ts";
import { etagOf, namesTag } from "../../pipeline/etag.ts";
import { type Call, type Route, route } from "../../pipeline/route.ts";
import { PAGE } from "./static.ts";

type PageCall = Pick<Call<unknown, unknown, unknown, typeof PAGE>, "c" | "ctx" | "send">;

const page = {
  method: "GET",
  tag: "Operations",
  access: "open",
  headers: ["If-None-Match"],
  answers: PAGE,
} as const;

/** The pages about problems. Every problem's `type` leads to one, so they are part of the bundle. */
export const problemRoutes: readonly Route[] = [
  route({
    ...page,
    path: "/problems",
    operation: "listProblems",
    summary: "Read about every problem",
    description: "For people: every problem's code, and what to do about it.",
    handle: (call) => answer(call, problemIndex),
  }),
  route({
    ...page,
    path: "/problems/:code",
    operation: "getProblem",
    summary: "Read about one problem",
    description:
      "For people: what happened, which side is at fault, what to do. A problem's `type` leads here.",
    params: { code: { description: "The problem's code.", example: "not-found" } },
    problems: ["not-found"],
    handle: (call) => {
      const { code } = call.params;
      if (!isProblem(code)) throw new ApiError("not-found", `There is no problem "${code}".`);
      return answer(call, (base) => problemPage(base, code));
    },
  }),
];

function isProblem(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}

/** A page changes with a deployment and keeps its name, so a cache asks by ETag before it uses a copy. */
async function answer({ c, ctx, send }: PageCall, write: (base: string) => string) {
  const html = write(escapeHtml(basePathOf(ctx.settings.publicUrl)));
  const headers = { etag: await etagOf(ctx.hashes, html), "cache-control": "no-cache" };
  if (namesTag(c.req.header("if-none-match") ?? "", headers.etag)) {
    return send(c.newResponse(null, 304, headers));
  }
  return send(c.newResponse(html, 200, { ...headers, "content-type": "text/html; charset=utf-8" }));
}
