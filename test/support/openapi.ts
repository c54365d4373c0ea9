import process from "node:process";
import { inject } from "vitest";
import * as z from "zod";
import type { SharedStack } from "./shared-stack.ts";

const document = z.object({
  openapi: z.string().startsWith("3.1"),
  paths: z.record(
    z.string(),
    z.record(z.string(), z.looseObject({ responses: z.record(z.string(), z.unknown()).optional() })),
  ),
});
type Document = z.infer<typeof document>;

/** The document of the shared gateway; undefined when it serves another one. */
let served: Promise<Document | undefined> | undefined;
const violations = new Set<string>();

/** Notes every answer that the OpenAPI document does not declare. */
export async function note(method: string, path: string, status: number): Promise<void> {
  if (process.env["VITEST"] === undefined) return; // a program that is no test
  const { pathname } = new URL(path, "http://gateway");
  if (!/^\/(v1|admin)\/|^\/(healthz|readyz)$/.test(pathname) || status === 404) return;
  if (method === "OPTIONS" || status === 405) return; // the same at every address
  const stack: SharedStack | undefined = inject("stack"); // undefined outside the e2e projects
  if (!stack) return;
  served ??= read(stack.gateway.url);
  const paths = (await served)?.paths;
  if (!paths) return;
  // OpenAPI 3.1, "Path Templating Matching": a concrete path comes before a templated one.
  const template = pathname in paths ? pathname : Object.keys(paths).find((one) => matches(one, pathname));
  const answers = template
    ? paths[template]?.[method === "HEAD" ? "get" : method.toLowerCase()]?.responses
    : undefined;
  if (!answers) violations.add(`${method} ${template ?? pathname} is in no document`);
  else if (!(status in answers))
    violations.add(`${method} ${template} answered ${status}, which is in no document`);
}

async function read(origin: string): Promise<Document | undefined> {
  const response = await fetch(`${origin}/openapi.json`);
  const parsed = document.safeParse(response.ok ? await response.json() : undefined);
  if (!parsed.success) violations.add(`/openapi.json is no OpenAPI 3.1 document (${response.status})`);
  return parsed.data;
}

function matches(template: string, pathname: string): boolean {
  const parts = template.split("/");
  // The rest of a proxied request's address, slashes and all.
  const segments = template.endsWith("/{path}") ? pathname.split("/", parts.length) : pathname.split("/");
  return (
    parts.length === segments.length &&
    parts.every((part, index) => /^(\{.+\}|:.+)$/.test(part) || part === segments[index])
  );
}

/** The answers that were noted in this test file. */
export function undocumented(): string[] {
  return [...violations];
}
