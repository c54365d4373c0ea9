import { ApiError } from "../shared/problems.ts";
import type { Denied, Scope } from "./caller.ts";

/** The refusal of Redis, as an error for the client. */
export function denied(answer: Denied, scope: Scope): ApiError {
  switch (answer.kind) {
    case "forbidden":
      return new ApiError("forbidden", `This API key lacks the scope "${scope}".`, { scope });
    case "unknown-project":
      return new ApiError("not-found", "There is no project of the id in Ringback-Project.");
    case "unauthenticated":
      return new ApiError(
        "unauthenticated",
        "This API key is not valid: it was revoked, has expired, or never existed.",
      );
  }
}

/** Whether an answer of the store refuses its caller. */
export function isDenied(answer: { readonly kind: string }): answer is Denied {
  return ["unauthenticated", "forbidden", "unknown-project"].includes(answer.kind);
}
