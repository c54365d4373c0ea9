import type { ListedEndpoint } from "../../api/types.ts";
import { counted } from "../../format.ts";

export interface Condition {
  readonly state: ListedEndpoint["health"]["state"];
  /** For people. */
  readonly why: string;
  readonly since: string | undefined;
}

/** How an endpoint is, in words. */
export function conditionOf({ disabledReason, health }: ListedEndpoint): Condition {
  const { state, since, failures } = health;
  return { state, since, why: whyOf(state, failures, disabledReason) };
}

function whyOf(state: Condition["state"], failures: number, disabledReason = "disabled"): string {
  switch (state) {
    case "healthy":
      return "The last attempt succeeded, or there was none yet.";
    case "failing":
      return `${counted(failures, "failed attempt")} in a row`;
    case "circuit-open":
      return `${counted(failures, "failed attempt")} in a row: one at a time is let through`;
    case "unverified":
      return "Receives nothing before its receiver has agreed.";
    case "disabled":
      return `Receives nothing: ${disabledReason}`;
  }
}
