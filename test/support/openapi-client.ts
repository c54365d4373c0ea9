/** A user's program over `openapi-fetch` and the types of a gateway's document, which lie next to it. */
export const PROGRAM = `
import createClient from "openapi-fetch";
import type { paths } from "./paths.ts";

const { GATEWAY_URL = "", AUTHORIZATION = "" } = process.env;
const client = createClient<paths>({ baseUrl: GATEWAY_URL, headers: { authorization: AUTHORIZATION } });
type Body = paths["/v1/tasks"]["post"]["requestBody"]["content"]["application/json"];
type Refusals = paths["/v1/tasks/{id}/result"]["get"]["responses"][409];
type Refusal = Refusals["content"]["application/problem+json"];

async function follow(body: Body, afterwards?: (id: string) => Promise<unknown>) {
  const submitted = await client.POST("/v1/tasks", { body });
  if (submitted.error) throw new Error(submitted.error.code);
  const path = { id: submitted.data.id };
  await afterwards?.(path.id);
  for (;;) {
    const header = { Prefer: "wait=5" };
    const { data, error } = await client.GET("/v1/tasks/{id}/operation", { params: { path, header } });
    if (error) throw new Error(error.code);
    if (data.status === "NotStarted" || data.status === "Running") continue;
    const result = await client.GET("/v1/tasks/{id}/result", { params: { path } });
    // With \`raw\` any other answer may be a service's: without it a 409 is this one.
    const refusal = result.error as Refusal | undefined;
    const { taskStatus, error: reason } = refusal ?? {};
    return { operation: data.status, result: result.data, taskStatus, code: reason?.code };
  }
}

const sleeping = { failures: 0, sleepMs: 60_000 };
const outcomes = await Promise.all([
  follow({ type: "diagnostics.echo", input: { n: 7 } }),
  follow({ type: "diagnostics.flaky", input: { failures: 9 }, retries: 0 }),
  follow({ type: "diagnostics.flaky", input: sleeping }, (id) =>
    client.POST("/v1/tasks/{id}/cancel", { params: { path: { id } } }),
  ),
  follow({ type: "diagnostics.flaky", input: sleeping, deadline: "2s" }),
]);
console.log(JSON.stringify(outcomes));

/** Never called: the compiler judges it. */
export async function judged() {
  // @ts-expect-error no such type
  await client.POST("/v1/tasks", { body: { type: "no.such", input: 1 } });
  // @ts-expect-error another type's input
  await client.POST("/v1/tasks", { body: { type: "links.check", input: { csv: "a" } } });
  // @ts-expect-error no input
  await client.POST("/v1/tasks", { body: { type: "links.check" } });
  // @ts-expect-error no such option
  await client.POST("/v1/tasks", { body: { type: "links.check", input: { urls: [] }, dealy: "1s" } });
  // @ts-expect-error no such place
  await client.POST("/v1/tasks", { body: { type: "links.check", input: { urls: [] } }, params: { query: { location: "x" } } });
  // @ts-expect-error no such path
  await client.GET("/v1/tusks", {});
  // @ts-expect-error the id is missing
  await client.GET("/v1/tasks/{id}", {});
  const { data } = await client.GET("/v1/tasks/{id}", { params: { path: { id: "task_1" } } });
  // @ts-expect-error no such status
  return data?.status === "finished";
}
`;

/** A user's strict tsconfig. */
export const TSCONFIG = {
  compilerOptions: {
    target: "ES2023",
    lib: ["ES2023", "DOM"],
    module: "NodeNext",
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
  },
  files: ["client.ts"],
};
