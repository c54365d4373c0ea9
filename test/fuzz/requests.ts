import * as fc from "fast-check";
import { breakBody, breakText } from "./breakage.ts";
import type { Operation, Parameter, Specification } from "./specification.ts";
import { anyText, mark, valuesOf } from "./values.ts";

/** How a request shows who sends it. */
export type Credential =
  | "right"
  | "none"
  | "scoped-key"
  | "stranger"
  | "admin"
  | "task-token"
  | "garbage"
  | "signed-wrongly";

/** A request before it is sent: its marks name what is not known yet. */
export interface Plan {
  readonly operation: Operation;
  readonly method: string;
  /** Path and query, escaped. */
  readonly target: string;
  readonly credential: Credential;
  /** Which of the operation's ways to show who one is. */
  readonly scheme: string | undefined;
  /** Which pair of a thing and its token. */
  readonly pair: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

const credential: fc.Arbitrary<Credential> = fc.oneof(
  { weight: 30, arbitrary: fc.constant("right" as const) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Credential>(
      "none",
      "scoped-key",
      "stranger",
      "admin",
      "task-token",
      "garbage",
      "signed-wrongly",
    ),
  },
);

/** Requests for every operation alike, most of them as the document asks, the others broken in one place. */
export function requests(specification: Specification): fc.Arbitrary<Plan> {
  return fc.oneof(...specification.operations.map((operation) => requestsFor(specification, operation)));
}

function requestsFor(specification: Specification, operation: Operation): fc.Arbitrary<Plan> {
  const schemes = operation.security.flatMap((one) => Object.keys(one));
  const schema = operation.requestBody?.content["application/json"]?.schema;
  const right = schema && bodyOf(specification, schema);
  const body: fc.Arbitrary<string | undefined> = right
    ? fc.oneof({ weight: 4, arbitrary: right }, { weight: 1, arbitrary: breakBody(right) })
    : fc.oneof({ weight: 20, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: anyText });
  return fc
    .record({
      method: fc.oneof(
        { weight: 40, arbitrary: fc.constant(operation.method) },
        { weight: 1, arbitrary: fc.constantFrom("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS") },
      ),
      path: pathOf(operation),
      query: queryOf(specification, operation),
      credential,
      scheme: schemes.length > 0 ? fc.constantFrom(...schemes) : fc.constant(undefined),
      pair: fc.nat(1_000),
      headers: headersOf(operation),
      body,
    })
    .map(({ path, query, ...plan }) => ({ operation, target: path + query, ...plan }));
}

function bodyOf(specification: Specification, schema: Parameters<typeof valuesOf>[1]): fc.Arbitrary<string> {
  return valuesOf(specification, schema).map((value) => JSON.stringify(value));
}

/** Where a path's id comes from: the lane's own things, now and then a stranger's, or none at all. */
function pathOf({ path, parameters }: Operation): fc.Arbitrary<string> {
  const parts = path.split("/").map((part): fc.Arbitrary<string> => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined) return fc.constant(part);
    const parameter = parameters.find((one) => one.in === "path" && one.name === name);
    const kind = kindOf(parameter);
    // What the deployment has and no answer names: its pages and files.
    const shown = parameter?.schema.pattern === undefined ? parameter?.example : undefined;
    const isShown = ["file", "folder", "page"].includes(kind) && typeof shown === "string";
    const valid = isShown ? fc.constant(shown) : (known[kind] ?? mark(kind === "file" ? "jwks" : kind));
    return fc.oneof(
      { weight: 30, arbitrary: valid },
      { weight: 3, arbitrary: mark(`foreign-${kind}`) },
      { weight: 1, arbitrary: mark(kind).map((one) => `${one}x`) },
      { weight: 1, arbitrary: anyText.map(escaped).filter((text) => text !== "") },
    );
  });
  const usual = fc.tuple(...parts).map((all) => all.join("/"));
  return fc.oneof({ weight: 60, arbitrary: usual }, { weight: 1, arbitrary: breakText(usual) });
}

/** Of the services and the task types that the stack is started with. */
const known: Readonly<Record<string, fc.Arbitrary<string>>> = {
  service: fc.constant("shop"),
  type: fc.constant("diagnostics.flaky"),
  path: fc.constantFrom(
    "v1/orders",
    "v1/a/b/",
    "v1/",
    "v1/%C3%A4",
    "v1/%2e%2e/x",
    "v1/%252f",
    "v2/x",
    "v1//x",
  ),
};

function kindOf(parameter: Parameter | undefined): string {
  if (parameter?.name !== "id") return parameter?.name ?? "id";
  return /^\^([a-z]+)_/.exec(parameter.schema.pattern ?? "")?.[1] ?? "id";
}

function queryOf(specification: Specification, { parameters }: Operation): fc.Arbitrary<string> {
  const pairs = parameters
    .filter((one) => one.in === "query")
    .map(({ name, required, schema }) =>
      fc.option(
        valuesOf(specification, schema, name).map((value) => written(name, value)),
        { nil: "", freq: required ? 50 : 1 },
      ),
    );
  const odd = fc.oneof(
    { weight: 20, arbitrary: fc.constant("") },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        "limit=0",
        "limit=5&limit=6",
        "status=",
        "metadata[__proto__]=x",
        "metadata[]=x",
        "metadata[a][b]=x",
        "__proto__[x]=1",
        "constructor=1",
        "a%00b=c",
        "%ff=%fe",
        "=",
        "&&&",
        "token=rbr_x",
        "include=input&include=input",
      ),
    },
    { weight: 1, arbitrary: fc.tuple(anyText, anyText).map(([name, value]) => written(name, value)) },
  );
  return fc.tuple(...pairs, odd).map((all) => {
    const query = all.filter((one) => one !== "").join("&");
    return query === "" ? "" : `?${query}`;
  });
}

function written(name: string, value: unknown): string {
  if (typeof value !== "object" || value === null) return `${escaped(name)}=${escaped(String(value))}`;
  return Object.entries(value)
    .map(([key, member]) => `${escaped(`${name}[${key}]`)}=${escaped(String(member))}`)
    .join("&");
}

/** Percent-encoded, except for marks, which are replaced later. */
function escaped(text: string): string {
  return text
    .split(/(\{\{[\w-]+:-?\d+\}\})/)
    .map((part, index) => (index % 2 ? part : encodeURIComponent(part.toWellFormed())))
    .join("");
}

/** What node's client lets into a header's value. */
const headerText = anyText.map((text) => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, "").slice(0, 2_000));

const usualHeaders: Readonly<Record<string, fc.Arbitrary<string>>> = {
  "Idempotency-Key": fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom("k1", "k2", "k3", '"k1"') },
    { weight: 8, arbitrary: fc.uuid() },
    { weight: 1, arbitrary: headerText },
  ),
  Prefer: fc.oneof(
    {
      weight: 10,
      arbitrary: fc.constantFrom("respond-async", "wait=0", "wait=x", 'wait="', "handling=lenient;;"),
    },
    { weight: 1, arbitrary: fc.constant("wait=1") },
    { weight: 3, arbitrary: headerText },
  ),
  Accept: fc.oneof(
    fc.constantFrom("application/json", "text/event-stream", "*/*", "text/html;q=x"),
    headerText,
  ),
  "If-None-Match": fc.oneof(mark("etag"), fc.constantFrom("*", '"x"', 'W/"x"'), headerText),
  "Last-Event-ID": fc.oneof(fc.constantFrom("0", "1", "99999999999999999999", "-1"), headerText),
  "Callback-Url": fc.oneof(
    fc.constantFrom("http://127.0.0.1:9/hooks", "http://169.254.169.254/"),
    headerText,
  ),
  "Ringback-Delay": fc.oneof(fc.constantFrom("0s", "1s", "5m"), headerText),
  "Ringback-Deadline": fc.oneof(fc.constantFrom("15m", "1d"), headerText),
  traceparent: fc.oneof(fc.constant("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), headerText),
  tracestate: fc.oneof(fc.constant("vendor=t61rcWkgMzE"), headerText),
};

/** Proxied requests are refused without it. */
const asynchronously = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("respond-async", "respond-async, wait=0") },
  { weight: 1, arbitrary: headerText },
);

const oddHeaders = fc.constantFrom<Readonly<Record<string, string>>>(
  { "content-type": "text/plain" },
  { "content-type": "application/json; charset=utf-16" },
  { "content-type": "multipart/form-data; boundary=x" },
  { "content-type": "application/json;" },
  { "content-encoding": "gzip" },
  { "x-http-method-override": "DELETE" },
  { "x-forwarded-host": "evil.example" },
  { "x-original-url": "/admin/keys" },
  { "x-request-id": "a b\t<script>" },
  { origin: "https://evil.example" },
  { cookie: "a=b" },
  { expect: "200-ok" },
  { "upstash-signature": "a.b.c" },
  { range: "bytes=0-1" },
  { "if-modified-since": "Tue, 24 Nov 2026 00:00:00 GMT" },
);

function headersOf({ parameters, path }: Operation): fc.Arbitrary<Readonly<Record<string, string>>> {
  const own = parameters
    .filter((one) => one.in === "header")
    .map(({ name }) => [name, usualHeaders[name] ?? headerText] as const);
  const isProxied = path.startsWith("/v1/proxy/");
  return fc
    .tuple(
      fc.record(
        { ...Object.fromEntries(own), ...(isProxied && { Prefer: asynchronously }) },
        { requiredKeys: isProxied ? ["Prefer"] : [] },
      ),
      fc.oneof({ weight: 12, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: oddHeaders }),
    )
    .map(([usual, odd]) => ({ ...(usual as Record<string, string>), ...odd })); // a key that is not required is left out
}
