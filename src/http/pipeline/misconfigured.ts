import { PROBLEMS, type ProblemCode } from "../../shared/problems.ts";

const CODE = "misconfigured" satisfies ProblemCode;

/**
 * The answer of a gateway that could not be started: 503 with problem details that name the variables. It has no
 * public URL to build links on, so the addresses follow from the request.
 *
 * @param detail names variables and what they should be, never their values
 */
export function answerMisconfigured(request: Request, detail: string): Response {
  const { origin, pathname } = new URL(request.url);
  const requestId = crypto.randomUUID();
  const { status, title } = PROBLEMS[CODE];
  const problem = {
    type: `${origin}/problems/${CODE}`,
    title,
    status,
    detail,
    code: CODE,
    instance: origin + pathname,
    requestId,
  };
  return new Response(request.method === "HEAD" ? null : JSON.stringify(problem), {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      "Retry-After": "60",
      "X-Content-Type-Options": "nosniff",
      "X-Request-Id": requestId,
    },
  });
}
