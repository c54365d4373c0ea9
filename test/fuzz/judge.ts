import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { PROBLEMS } from "../../src/shared/problems.ts";
import type { Operation, Schema, Specification } from "./specification.ts";
import type { Answer } from "./wire.ts";

/** Says what of an answer the document does not tell of. */
export type Judge = (method: string, pathname: string, answer: Answer) => readonly string[];

/** Headers of every answer, and those that the caches of the way may need. */
const EVERYWHERE = new Set(["x-request-id", "cache-control", "vary"]);

export function createJudge(specification: Specification, publicUrl: string): Judge {
  const validators = createValidators(specification);
  const own = Object.keys(specification.headers).filter((name) => !EVERYWHERE.has(name.toLowerCase()));
  return (method, pathname, answer) => {
    if (method === "OPTIONS") return allowed(specification, pathname, answer);
    const operation = specification.find(method, pathname);
    const faults = operation
      ? judgeOperation(operation, method, answer, validators, own)
      : judgeNothing(specification, pathname, answer);
    return [...faults, ...judgeEvery(answer, method, publicUrl, validators)];
  };
}

interface Validators {
  /** Faults of a value against a schema of the document. */
  check(schema: Schema, value: unknown): readonly string[];
  header(name: string, value: string): readonly string[];
  readonly problem: Schema;
}

function createValidators(specification: Specification): Validators {
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  const coercing = new Ajv2020({ strict: false, coerceTypes: true });
  for (const one of [ajv, coercing]) {
    addFormats.default(one);
    one.addSchema({ $id: "document", components: { schemas: specification.schemas } });
  }
  const compiled = new Map<Schema, ValidateFunction>();
  const toValidationErrors = (validate: ValidateFunction, value: unknown): readonly string[] =>
    validate(value) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
  const compile = (engine: Ajv2020, schema: Schema): ValidateFunction => {
    const validate = compiled.get(schema) ?? engine.compile(anchored(schema));
    compiled.set(schema, validate);
    return validate;
  };
  return {
    check: (schema, value) => toValidationErrors(compile(ajv, schema), value),
    header: (name, value) => {
      const schema = specification.headers[name]?.schema;
      return schema ? toValidationErrors(compile(coercing, schema), value) : [];
    },
    problem: { $ref: "#/components/schemas/Problem" },
  };
}

/** The document's references lead into itself. */
function anchored(schema: Schema): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document#/')) as object; // written from one
}

function judgeOperation(
  operation: Operation,
  method: string,
  answer: Answer,
  validators: Validators,
  own: readonly string[],
): readonly string[] {
  const { status, headers, body } = answer;
  const documented = operation.responses[`${status}`];
  if (!documented) return [`answers ${status}, which is in no document`];
  const faults = judgeHeaders(documented, answer, validators, own);
  const type = headers["content-type"]?.split(";")[0] ?? "";
  const content = documented.content?.[type] ?? documented.content?.["*/*"];
  if (method === "HEAD") return body === "" ? faults : [...faults, "HEAD has a body"];
  if (!documented.content)
    return body === "" ? faults : [...faults, `${status} has a body, which is in no document`];
  if (!content) return [...faults, `${status} is ${type || "without a type"}, which is in no document`];
  if (!type.endsWith("json")) return faults;
  const value = parsed(body);
  if (value === undefined) return [...faults, `${status} is no JSON`];
  faults.push(
    ...validators.check(content.schema, value).map((fault) => `${status} has a body whose ${fault}`),
  );
  const code = (value as { code?: string } | null)?.code; // looked at for problems alone
  if (status >= 400 && status !== 503 && !(code !== undefined && code in (content.examples ?? {}))) {
    faults.push(`${status} with the code ${code}, which is in no document`);
  }
  return faults;
}

/** Of the headers that the document knows: those that it does not name here, and those that are not of their form. */
function judgeHeaders(
  documented: Operation["responses"][string],
  { status, headers }: Answer,
  validators: Validators,
  own: readonly string[],
): string[] {
  return own.flatMap((name) => {
    const value = headers[name.toLowerCase()];
    if (value === undefined) return [];
    const misshaped = validators
      .header(name, value)
      .map((fault) => `${status} has the header ${name}${fault}`);
    return name in (documented.headers ?? {})
      ? misshaped
      : [...misshaped, `${status} carries ${name}, which is in no document`];
  });
}

/** What an address that is none answers, or another method at one that is. */
function judgeNothing(
  specification: Specification,
  pathname: string,
  { status, body }: Answer,
): readonly string[] {
  const offered = specification.methods(pathname).length > 0;
  const code = (parsed(body) as { code?: string } | null | undefined)?.code; // a problem, or the faults below say so
  const expected = offered ? [405, "method-not-allowed"] : [404, "not-found"];
  return status === expected[0] && (body === "" || code === expected[1])
    ? []
    : [`answers ${status} ${code} where it ${offered ? "has other methods" : "has no address"}`];
}

function allowed(
  specification: Specification,
  pathname: string,
  { status, headers }: Answer,
): readonly string[] {
  const methods = specification.methods(pathname);
  if (methods.length === 0) return status === 404 ? [] : [`OPTIONS answers ${status} at no address`];
  const named = headers["allow"]?.split(", ") ?? [];
  return status === 204 && methods.every((method) => named.includes(method))
    ? []
    : [`OPTIONS answers ${status} and allows ${headers["allow"]}`];
}

function judgeEvery(
  { status, headers, body }: Answer,
  method: string,
  publicUrl: string,
  validators: Validators,
): readonly string[] {
  const faults: string[] = [];
  if (!headers["x-request-id"]) faults.push(`${status} has no X-Request-Id`);
  if (headers["x-content-type-options"] !== "nosniff") faults.push(`${status} has no secure headers`);
  if (status >= 500 && status !== 503) faults.push(`answers ${status}`);
  if (status < 400 || method === "HEAD") return faults;
  const problem = parsed(body) as Readonly<Record<string, unknown>> | undefined; // its schema is checked below
  if (headers["content-type"] !== "application/problem+json" || !problem)
    return [...faults, `${status} is no problem`];
  faults.push(
    ...validators.check(validators.problem, problem).map((fault) => `${status}: the problem's ${fault}`),
  );
  const code = String(problem["code"]);
  if (!Object.hasOwn(PROBLEMS, code)) faults.push(`${status} has the unknown code ${code}`);
  if (problem["type"] !== `${publicUrl}/problems/${code}`)
    faults.push(`${status} has another type than its code`);
  if (problem["status"] !== status) faults.push(`${status} says ${problem["status"]}`);
  if (problem["requestId"] !== headers["x-request-id"]) faults.push(`${status} names another request`);
  if (code === "temporarily-unavailable") faults.push("503 although the database is there");
  if (/\bat .+:\d+:\d+|node_modules|\/src\/|ERR |EVAL|upstash/i.test(String(problem["detail"])))
    faults.push(`${status} tells of our insides: ${problem["detail"]}`);
  return faults;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no JSON, which the caller reports
  }
}
