import { PROBLEMS, type ProblemCode } from "../../shared/problems.ts";

/**
 * Problem details for a request that no route sees: the gateway could not be started, or the request is not below its
 * base path.
 *
 * @param publicUrl the gateway's address where it is known; otherwise links are built on the request's own origin
 * @param detail names variables and what they should be, never their values
 */
export function answerOutside(
  request: Request,
  {
    code,
    detail,
    publicUrl,
  }: { readonly code: ProblemCode; readonly detail: string; readonly publicUrl?: string },
): Response {
  const { origin, pathname } = new URL(request.url);
  const requestId = crypto.randomUUID();
  const { status, title } = PROBLEMS[code];
  const problem = {
    type: `${publicUrl ?? origin}/problems/${code}`,
    title,
    status,
    detail,
    code,
    instance: origin + pathname,
    requestId,
  };
  return new Response(request.method === "HEAD" ? null : JSON.stringify(problem), {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      ...(status === 503 && { "Retry-After": "60" }),
      "X-Content-Type-Options": "nosniff",
      "X-Request-Id": requestId,
    },
  });
}
