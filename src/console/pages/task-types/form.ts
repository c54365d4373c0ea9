import type { JsonSchema } from "../../api/types.ts";
import { pretty } from "../../format.ts";

/** How a member of an input is typed in. */
export type Control = "text" | "long-text" | "number" | "boolean" | "choice" | "json";

/** A field of a form. */
export interface FormField {
  readonly name: string;
  readonly control: Control;
  readonly required: boolean;
  readonly description: string | undefined;
  readonly choices: readonly string[];
  /** Its text at first. */
  readonly initial: string;
}

/** One way to fill in a form: an input that may have several shapes has several. */
export interface Variant {
  readonly label: string;
  /** Undefined: the input is no object, so it is typed as JSON. */
  readonly fields: readonly FormField[] | undefined;
  readonly schema: JsonSchema;
}

/** The ways to fill in an input of that schema. */
export function variantsOf(schema: JsonSchema): readonly Variant[] {
  const options = schema.anyOf ?? schema.oneOf;
  if (options && options.length > 0 && options.every(isObject)) {
    return options.map((option) => ({ label: labelOf(option), fields: fieldsOf(option), schema: option }));
  }
  const fields = isObject(schema) ? fieldsOf(schema) : undefined;
  return [{ label: labelOf(schema), fields, schema }];
}

function isObject({ properties }: JsonSchema): boolean {
  return properties !== undefined && Object.keys(properties).length > 0;
}

function labelOf({ title, required, properties = {} }: JsonSchema): string {
  return title ?? (required ?? Object.keys(properties)).join(", ");
}

function fieldsOf({ properties = {}, required = [] }: JsonSchema): readonly FormField[] {
  return Object.entries(properties).map(([name, schema]) => {
    const control = controlOf(name, schema);
    const first = schema.default ?? schema.const ?? schema.examples?.[0];
    return {
      name,
      control,
      required: required.includes(name),
      description: schema.description,
      choices: (schema.enum ?? []).filter((value) => typeof value === "string"),
      initial: first === undefined ? "" : textOf(first, control),
    };
  });
}

function textOf(value: unknown, control: Control): string {
  return control === "json" ? pretty(value) : `${value}`;
}

/** A text that is this long at most is one line. */
const LINE = 256;

function controlOf(name: string, schema: JsonSchema): Control {
  const { type, enum: values } = schema;
  if (values?.every((value) => typeof value === "string")) return "choice";
  switch (type) {
    case "string":
      return (schema.maxLength ?? 0) > LINE || /csv|text|body|html/i.test(name) ? "long-text" : "text";
    case "number":
    case "integer":
      return "number";
    case "boolean":
      return "boolean";
    default:
      return "json";
  }
}

export type Values = Readonly<Record<string, string>>;

export function initialValues(fields: readonly FormField[]): Values {
  return Object.fromEntries(fields.map(({ name, initial }) => [name, initial]));
}

/** The input that was typed, or the first field whose text is no JSON. */
export type Typed =
  | { readonly kind: "input"; readonly input: unknown }
  | { readonly kind: "fault"; readonly field: string; readonly message: string };

/** A text that is no JSON is a fault. */
export function parsed(text: string, field: string): Typed {
  try {
    return { kind: "input", input: JSON.parse(text) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { kind: "fault", field, message: error.message };
  }
}

/** The input that the values make; optional fields that are empty are left out. */
export function inputFrom(fields: readonly FormField[], values: Values): Typed {
  const members: [string, unknown][] = [];
  for (const { name, control, required } of fields) {
    const text = values[name] ?? "";
    if (text === "" && !(required && (control === "text" || control === "long-text"))) continue;
    const typed = typedIn(name, control, text);
    if (typed.kind === "fault") return typed;
    members.push([name, typed.input]);
  }
  return { kind: "input", input: Object.fromEntries(members) };
}

function typedIn(name: string, control: Control, text: string): Typed {
  switch (control) {
    case "number":
      return { kind: "input", input: Number(text) };
    case "boolean":
      return { kind: "input", input: text === "true" };
    case "json":
      return parsed(text, name);
    case "text":
    case "long-text":
    case "choice":
      return { kind: "input", input: text };
  }
}

/** A first text for an input that is typed as JSON. */
export function firstJson({ examples, default: given, type }: JsonSchema): string {
  const example = examples?.[0] ?? given;
  if (example !== undefined) return pretty(example);
  return type === "object" ? "{}" : "null";
}
