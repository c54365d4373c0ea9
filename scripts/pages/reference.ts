import { escapeHtml, inline, layout, markdown } from "./layout.ts";
import { type Operation, operationHtml } from "./operation.ts";
import { example, propertiesTable, type Schema } from "./schema.ts";

/** What the reference reads of the OpenAPI document. */
export interface Document {
  readonly info: { readonly version: string; readonly summary: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly webhooks: Readonly<Record<string, { readonly post: Webhook }>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Webhook extends Operation {
  readonly requestBody: { readonly content: { readonly "application/json": { readonly schema: Schema } } };
}

/** The reference for people: one page, made from the OpenAPI document. */
export function referencePage(document: Document): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const chapters = document.tags.map(({ name, description }) => ({
    name,
    description,
    operations: operations.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const main = [
    `<h1>Ringback API <span class="faint">${escapeHtml(document.info.version)}</span></h1>`,
    `<p>${inline(document.info.summary)}</p>${markdown(document.info.description)}`,
    ...chapters.map(
      (chapter) =>
        `<h2 id="${chapter.name.toLowerCase()}">${chapter.name}</h2><p>${inline(chapter.description)}</p>` +
        chapter.operations
          .map(({ path, method, operation }) =>
            operationHtml(method, path, operation, document.components.schemas),
          )
          .join(""),
    ),
    callbacksHtml(document),
    schemasHtml(document),
  ];
  const contents = [
    ...chapters.map(
      ({ name, operations: of }) =>
        `<strong><a href="#${name.toLowerCase()}">${name}</a></strong><ul>${of
          .map(
            ({ operation }) =>
              `<li><a href="#${operation.operationId}">${escapeHtml(operation.summary)}</a></li>`,
          )
          .join("")}</ul>`,
    ),
    '<strong><a href="#callbacks">Callbacks</a></strong>',
    `<strong><a href="#schemas">Schemas</a></strong><ul>${Object.keys(document.components.schemas)
      .map((name) => `<li><a href="#schema-${name}">${name}</a></li>`)
      .join("")}</ul>`,
  ];
  return layout({
    title: "Ringback API reference",
    description: document.info.summary,
    contents: contents.join(""),
    main: main.join("\n"),
  });
}

function callbacksHtml({ webhooks }: Document): string {
  const events = Object.entries(webhooks);
  const [first] = events;
  if (!first) return "";
  const [, { post }] = first;
  const rows = (post.parameters ?? []).map(
    ({ name, description }) => `<tr><td><code>${name}</code></td><td>${inline(description)}</td></tr>`,
  );
  const answers = Object.entries(post.responses).map(
    ([status, { description }]) => `<tr><td>${status}</td><td>${inline(description)}</td></tr>`,
  );
  return `<h2 id="callbacks">Callbacks</h2>
<p>One signed POST per event (<a href="https://www.standardwebhooks.com">Standard Webhooks</a>) to the task's
<code>callbackUrl</code>. ${inline(post.description)}</p>
<table><tr><th>Event</th><th>When</th></tr>${events
    .map(([type, event]) => `<tr><td><code>${type}</code></td><td>${inline(event.post.summary)}</td></tr>`)
    .join("")}</table>
<h4>Headers</h4><table>${rows.join("")}</table>
<h4>What an answer means</h4><table>${answers.join("")}</table>
<h4>Body</h4><p><a href="#schema-TaskEvent">TaskEvent</a></p>${example(post.requestBody.content["application/json"].schema.examples?.[0])}`;
}

function schemasHtml({ components }: Document): string {
  const parts = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<h3 id="schema-${name}">${name}</h3><p>${inline(schema.description ?? "")}</p>${propertiesTable(schema)}`,
  );
  return `<h2 id="schemas">Schemas</h2>${parts.join("")}`;
}
