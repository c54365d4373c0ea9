import { ApiError } from "../shared/problems.ts";
import type { Denied, Scope } from "./caller.ts";

/** What Redis refused, as the client is told. */
export function denied(answer: Denied, scope: Scope): ApiError {
  return answer.kind === "forbidden"
    ? new ApiError("forbidden", `This API key lacks the scope "${scope}".`, { scope })
    : new ApiError(
        "unauthenticated",
        "This API key is not valid: it was revoked, has expired, or never was.",
      );
}
