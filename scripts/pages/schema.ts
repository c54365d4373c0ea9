import { escapeHtml, inline } from "./layout.ts";

/** What the reference reads of a JSON schema. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly format?: string;
  readonly const?: unknown;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly examples?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
}

/** The properties of an object, those inside of it with their path. */
export function propertiesTable(schema: Schema): string {
  const rows = rowsOf(schema, "");
  return rows.length === 0
    ? ""
    : `<table><tr><th>Field</th><th>Type</th><th></th></tr>${rows.join("")}</table>`;
}

function rowsOf(schema: Schema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const optional = schema.required?.includes(name) ? "" : ' <span class="faint">optional</span>';
    const { items } = property;
    const step = items?.properties ? `${name}[]` : name;
    return [
      `<tr><td><code>${escapeHtml(prefix + name)}</code>${optional}</td><td>${typeOf(property)}</td><td>${inline(property.description ?? "")}</td></tr>`,
      ...rowsOf(items ?? property, `${prefix}${step}.`),
    ];
  });
}

/** A schema's type in a few words, as HTML. */
export function typeOf(schema: Schema): string {
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1) ?? "";
    return `<a href="#schema-${name}">${name}</a>`;
  }
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum) return schema.enum.map(code).join(" ");
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.type === "array") return `array of ${schema.items ? typeOf(schema.items) : "anything"}`;
  if (schema.minimum !== undefined && schema.maximum !== undefined && schema.maximum < 1_000_000) {
    return `${schema.type} ${schema.minimum} to ${schema.maximum}`;
  }
  return escapeHtml(schema.format ?? [schema.type ?? "any JSON"].flat().join(" or "));
}

function code(value: unknown): string {
  return `<code>${escapeHtml(typeof value === "string" ? value : JSON.stringify(value))}</code>`;
}

/** An example as it goes over the wire, laid out. */
export function example(value: unknown): string {
  return value === undefined ? "" : `<pre><code>${escapeHtml(JSON.stringify(value, null, 2))}</code></pre>`;
}
