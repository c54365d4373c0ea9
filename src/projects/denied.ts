import { ApiError } from "../shared/problems.ts";
import type { Denied, Scope } from "./caller.ts";

/** The refusal of Redis, as an error for the client. */
export function denied(answer: Denied, scope: Scope): ApiError {
  return answer.kind === "forbidden"
    ? new ApiError("forbidden", `This API key lacks the scope "${scope}".`, { scope })
    : new ApiError(
        "unauthenticated",
        "This API key is not valid: it was revoked, has expired, or never existed.",
      );
}
