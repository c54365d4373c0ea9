import * as z from "zod/mini";
import { PROBLEMS, type ProblemCode } from "../problems.ts";
import { component, field, opt } from "./schema.ts";

const ValidationError = component(
  "ValidationError",
  () =>
    z.object({
      pointer: field(
        z.string(),
        "Where: a JSON pointer as URI fragment (RFC 6901, section 6).",
        "#/input/csv",
      ),
      detail: field(z.string(), "The fault there.", "is required"),
    }),
  {
    description: "One fault in a request.",
    example: { pointer: "#/input/csv", detail: "is required" },
  },
);

/** A problem of that code, as a client meets it. */
export function problemExample(code: ProblemCode, detail: string) {
  const { status, title } = PROBLEMS[code];
  return {
    type: `https://ringback.example.com/problems/${code}`,
    title,
    status,
    detail,
    code,
    instance: "https://ringback.example.com/v1/tasks",
    requestId: "5d1ad1b0-7f3c-4c1c-9d3e-0c9f5a1f1b52",
    ...(code === "invalid-request" && { errors: [{ pointer: "#/input", detail: "is required" }] }),
  };
}

const taskError = () =>
  z.object({
    code: field(z.string(), "Stable and kebab-case.", "invalid-csv"),
    message: field(z.string(), "One sentence for people.", "Line 3: the quote is not closed."),
    retryable: field(z.boolean(), "Whether another attempt could have helped."),
  });

const taskLinks = () =>
  z.object({
    self: field(z.url(), "The task."),
    cancel: field(z.url(), "Where it is canceled."),
  });

/** Problem details (RFC 9457): the body of every refusal. */
export const Problem = component(
  "Problem",
  () =>
    z.object({
      type: field(z.url(), "The problem's page for people; stable."),
      title: field(z.string(), "The problem in a few words; the same each time."),
      status: field(z.int(), "The HTTP status."),
      detail: field(z.string(), "The details of this occurrence."),
      code: field(
        z.string(),
        `Stable: ${Object.keys(PROBLEMS)
          .map((code) => `\`${code}\``)
          .join(", ")}. New ones may come.`,
      ),
      instance: field(z.url(), "The address that was called."),
      requestId: field(z.string(), "The same as `X-Request-Id`; finds the request in the gateway's log."),
      errors: field(
        opt(z.array(ValidationError)),
        "For `invalid-request` and unsafe URLs: each fault, at most 50.",
      ),
      taskStatus: field(
        opt(z.string()),
        "For `task-not-succeeded` and `task-already-ended`: how the task has ended.",
      ),
      error: field(opt(taskError()), "For `task-not-succeeded`: why the task has no result."),
      links: field(opt(taskLinks()), "For `task-not-ended`: the addresses of the task."),
    }),
  {
    description: "Problem details (RFC 9457). Every error is one, as `application/problem+json`.",
    example: problemExample("not-found", "There is no such task."),
  },
);
