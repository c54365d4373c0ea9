import { ApiError } from "../../../shared/problems.ts";
import { type Route, route } from "../../pipeline/route.ts";
import { type Assets, fileRoute, kept, PAGE, UNCHANGED } from "./static.ts";

const FILE = {
  200: { description: "The page, or a file of it.", media: "*/*", ...kept },
  304: UNCHANGED,
} as const;

/** The documentation, which is made when the gateway is built, and the list of its pages for programs. */
export function guideRoutes(assets?: Assets): readonly Route[] {
  const file = fileRoute(assets);
  return [
    route({
      ...file,
      path: "/docs/guides",
      operation: "listGuides",
      summary: "Read the documentation",
      description: "Guides, reference and examples, with search. The page loads nothing from another host.",
      answers: PAGE,
    }),
    route({
      ...file,
      path: "/docs/guides/:page",
      operation: "getGuide",
      summary: "Read a guide",
      description: "A page of the documentation. With `.md` after its name it is Markdown.",
      params: { page: { description: "The page.", example: "deploy" } },
      answers: FILE,
    }),
    route({
      ...file,
      path: "/docs/guides/:folder/:page",
      operation: "getPage",
      summary: "Read a page of the reference or an example",
      description:
        "As a guide, from the folder `reference`, `operations`, `reports` or `examples`; or an image, from `images`.",
      params: {
        folder: { description: "The folder.", example: "operations" },
        page: { description: "The page.", example: "doctor.md" },
      },
      answers: FILE,
    }),
    route({
      method: "GET",
      path: "/llms.txt",
      operation: "listPagesForPrograms",
      summary: "List the documentation for programs",
      description: "Every page as a link to its Markdown, in the form of https://llmstxt.org.",
      tag: "Operations",
      access: "open",
      headers: ["If-None-Match"],
      problems: ["not-found"],
      cache: "revalidate",
      answers: { 200: { description: "The list.", media: "text/plain", headers: ["ETag"] }, 304: UNCHANGED },
      async handle({ c, ctx, send }) {
        const list = await assets?.fetch(new Request(new URL("/llms.txt", c.req.url)));
        if (list?.status !== 200) throw new ApiError("not-found", "This deployment has no documentation.");
        const base = ctx.settings.publicUrl.replace(/\/$/, "");
        const absolute = (await list.text()).replace(/\]\((?![a-z]+:)/g, `](${base}/`);
        return send(c.body(absolute, 200, { "content-type": "text/plain; charset=utf-8" }));
      },
    }),
  ];
}
