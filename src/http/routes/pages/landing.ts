import { basePathOf } from "../../mount-point.ts";
import { type Route, route } from "../../pipeline/route.ts";

/** One page without a script: who answers here, and where to read on. Its links follow the gateway's own path. */
function page(base: string, version: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ringback</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif; }
  body { max-width: 40rem; margin: 15vh auto; padding: 0 1.5rem; }
  dt { font-weight: 600; }
  dd { margin: 0 0 .75rem; }
</style>
<h1>Ringback</h1>
<p>An async HTTP gateway: 202 now, a signed callback when the work is done.</p>
<dl>
  <dt><a href="${base}/docs/guides">Guides</a></dt>
  <dd>How to submit, receive, deploy and operate, with search. For programs: <a href="${base}/llms.txt">llms.txt</a>.</dd>
  <dt><a href="${base}/docs">Reference</a></dt>
  <dd>Every request and answer, with a form that sends requests.</dd>
  <dt><a href="${base}/openapi.json">OpenAPI document</a></dt>
  <dd>The same for programs, with the task types of this deployment.</dd>
  <dt><a href="${base}/problems">Problems</a></dt>
  <dd>Every error code, and what to do about it.</dd>
  <dt><a href="${base}/readyz">Health</a></dt>
  <dd>Whether Redis and QStash answer.</dd>
</dl>
<p><small>Version ${version}</small></p>
</html>
`;
}

const landing = route({
  method: "GET",
  path: "/",
  operation: "getLandingPage",
  summary: "Read where to read on",
  description:
    "A page for people, and for programs a `Link` to this document and to the reference (RFC 8631: `service-desc`, `service-doc`).",
  tag: "Operations",
  access: "open",
  answers: { 200: { description: "The page.", media: "text/html", headers: ["Link", "Cache-Control"] } },
  handle({ c, ctx: { settings }, send }) {
    const base = basePathOf(settings.publicUrl);
    const links = `<${base}/openapi.json>; rel="service-desc", <${base}/docs>; rel="service-doc"`;
    return send(c.html(page(base, settings.version), 200, { Link: links, "Cache-Control": "no-cache" }));
  },
});

export const landingRoutes: readonly Route[] = [landing];
