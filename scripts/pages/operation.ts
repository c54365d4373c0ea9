import { escapeHtml, inline } from "./layout.ts";
import { example, propertiesTable, type Schema, typeOf } from "./schema.ts";

interface Content {
  readonly schema: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, unknown>>;
}

/** What the reference reads of an operation. */
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly description: string;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly headers?: Readonly<Record<string, unknown>>;
        readonly content?: Readonly<Record<string, Content>>;
      }
    >
  >;
}

type Schemas = Readonly<Record<string, Schema>>;

/** One operation: what it takes, what it answers, what it refuses. */
export function operationHtml(method: string, path: string, operation: Operation, schemas: Schemas): string {
  return `<section>
<h3 id="${operation.operationId}">${escapeHtml(operation.summary)}</h3>
<p class="address"><b class="${method}">${method.toUpperCase()}</b> <code>${escapeHtml(path)}</code></p>
<p>${inline(operation.description)}</p>
${accessHtml(operation)}${parametersHtml(operation)}${bodyHtml(operation, schemas)}${answersHtml(operation)}
</section>`;
}

const SCHEMES: Readonly<Record<string, string>> = {
  apiKey: "an API key",
  readLink: "the token of a signed link",
  adminToken: "the admin token",
  queueSignature: "QStash's signature",
};

function accessHtml({ security }: Operation): string {
  const ways = security.flatMap((one) =>
    Object.entries(one).map(([scheme, scopes]) => {
      const scope =
        scopes.length > 0 ? ` with scope ${scopes.map((name) => `<code>${name}</code>`).join(", ")}` : "";
      return `${SCHEMES[scheme] ?? scheme}${scope}`;
    }),
  );
  return `<p class="faint">Needs ${ways.length > 0 ? ways.join(", or ") : "no key"}.</p>`;
}

function parametersHtml({ parameters = [] }: Operation): string {
  if (parameters.length === 0) return "";
  const rows = parameters.map(
    ({ name, in: where, required, description, schema }) =>
      `<tr><td><code>${escapeHtml(name)}</code> <span class="faint">${where}${required ? "" : ", optional"}</span></td><td>${typeOf(schema)}</td><td>${inline(description)}</td></tr>`,
  );
  return `<h4>Parameters</h4><table>${rows.join("")}</table>`;
}

/** The fields themselves, not only their schema's name: this is what one looks for first. */
function bodyHtml({ requestBody }: Operation, schemas: Schemas): string {
  const content = requestBody?.content["application/json"];
  if (!content) return "";
  const schema = schemas[content.schema.$ref?.split("/").at(-1) ?? ""] ?? content.schema;
  return `<h4>Body</h4>${propertiesTable(schema)}${example(content.example)}`;
}

function answersHtml({ responses }: Operation): string {
  const rows = Object.entries(responses).map(([status, { description, headers = {}, content = {} }]) => {
    const problems = content["application/problem+json"];
    const body = Object.entries(content).map(([type, { schema }]) =>
      schema.$ref ? typeOf(schema) : escapeHtml(type),
    );
    const what = problems
      ? problemLinks(Object.keys(problems.examples ?? {}))
      : [inline(description), ...body].join(" ");
    const own = Object.keys(headers).filter((name) => name !== "X-Request-Id");
    return `<tr><td>${status}</td><td>${what}${own.length > 0 ? `<br><span class="faint">${own.join(", ")}</span>` : ""}</td></tr>`;
  });
  const shown = Object.values(responses).find(
    ({ content }) => content?.["application/json"]?.example !== undefined,
  );
  const body = shown?.content?.["application/json"]?.example;
  const details = body === undefined ? "" : `<details><summary>Example</summary>${example(body)}</details>`;
  return `<h4>Answers</h4><table>${rows.join("")}</table>${details}`;
}

function problemLinks(codes: readonly string[]): string {
  return codes.map((code) => `<a href="/problems/${code}"><code>${code}</code></a>`).join(" ");
}
