import type { DeliverySummary } from "../../api/types.ts";
import { hostOf } from "../../format.ts";

/** Dead letters with the same reason and the same receiver. */
export interface Group {
  readonly key: string;
  readonly code: string;
  /** The endpoint's id, or the host of a `callbackUrl`. */
  readonly receiver: string;
  readonly endpointId: string | undefined;
  readonly letters: readonly DeliverySummary[];
}

/** The groups, the largest first. */
export function groupsOf(letters: readonly DeliverySummary[]): readonly Group[] {
  const keyOf = ({ lastError, endpointId, url }: DeliverySummary) =>
    `${lastError?.code ?? "unknown"} ${endpointId ?? ""} ${hostOf(url)}`;
  return [...Map.groupBy(letters, keyOf)]
    .flatMap(([key, members]): Group[] => {
      const [first] = members;
      if (!first) return [];
      const { lastError, endpointId, url } = first;
      return [
        { key, code: lastError?.code ?? "unknown", receiver: hostOf(url), endpointId, letters: members },
      ];
    })
    .toSorted((a, b) => b.letters.length - a.letters.length);
}
