/** A JSON Schema as our own document writes them. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: Schema;
  readonly example?: unknown;
}

interface Response {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<
    Record<string, { readonly schema: Schema; readonly examples?: Readonly<Record<string, unknown>> }>
  >;
}

/** An operation of the document; the fields that OpenAPI 3.1 gives it. */
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, Response>>;
}

export interface Specification {
  readonly operations: readonly Operation[];
  /** `components.schemas`. */
  readonly schemas: Readonly<Record<string, Schema>>;
  /** `components.headers`. */
  readonly headers: Readonly<Record<string, { readonly schema: Schema }>>;
  /** The operation that a request is for; `HEAD` is for that of `GET`. */
  find(method: string, pathname: string): Operation | undefined;
  /** The methods that are offered at a path. */
  methods(pathname: string): readonly string[];
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Omit<Operation, "method" | "path">>>>>;
  readonly components: Pick<Specification, "schemas" | "headers">;
}

/** Reads the document that a gateway serves. */
export async function readSpecification(url: string): Promise<Specification> {
  const response = await fetch(`${url}/openapi.json`);
  const { paths, components } = (await response.json()) as Document; // linted as OpenAPI 3.1 by `npm run check`
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      path,
      method: method.toUpperCase(),
    })),
  );
  const at = (pathname: string): readonly Operation[] => {
    // OpenAPI 3.1, "Path Templating Matching": a concrete path comes before a templated one.
    const found =
      operations.find(({ path }) => path === pathname) ?? operations.find((one) => fits(one.path, pathname));
    return found ? operations.filter(({ path }) => path === found.path) : [];
  };
  return {
    operations,
    ...components,
    find: (method, pathname) =>
      at(pathname).find((one) => one.method === (method === "HEAD" ? "GET" : method)),
    methods: (pathname) => at(pathname).map(({ method }) => method),
  };
}

function fits(template: string, pathname: string): boolean {
  const parts = template.split("/");
  const segments = pathname.split("/");
  // What is called of a service: slashes and all, or nothing.
  if (template.endsWith("/{path}")) {
    return (
      segments.length >= parts.length && parts.slice(0, 3).every((part, index) => part === segments[index])
    );
  }
  return (
    parts.length === segments.length &&
    parts.every((part, index) =>
      part.startsWith("{") ? (segments[index] ?? "") !== "" : part === segments[index],
    )
  );
}

/** The schema that a reference names, or the schema itself. */
export function resolve({ schemas }: Pick<Specification, "schemas">, schema: Schema): Schema {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : (schemas[name] ?? {});
}
