import type * as z from "zod/mini";

const NAMES: Readonly<Record<string, string>> = {
  array: "an array",
  object: "an object",
  record: "an object",
  int: "a whole number",
};

const UNITS: Readonly<Record<string, string>> = { string: " characters", array: " items" };

/** In a query, a plus sign stands for a space. */
const LOST_PLUS = /^\S{1,20}T\S{1,20} \d\d:?\d\d$/i;
const PLUS_HINT = "; in a query, write its + as %2B";

/** The fault, as the end of a sentence that begins with the place: `#/input/csv` "is required". */
function explain(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "is required";
      return `must be ${NAMES[issue.expected] ?? `a ${issue.expected}`}`;
    case "invalid_value":
      return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_big":
      return `must ${bound(issue.origin, "at most", issue.maximum)}`;
    case "too_small":
      return `must ${bound(issue.origin, "at least", issue.minimum)}`;
    case "invalid_format":
      if (issue.format !== "datetime") return "is not of the form that is asked for";
      return `must be an RFC 3339 time with its offset${LOST_PLUS.test(`${issue.input}`) ? PLUS_HINT : ""}`;
    case "unrecognized_keys":
      return "is not a known field";
    case "invalid_key":
      return `has a name that ${issue.issues[0]?.message ?? "is not allowed"}`;
    case "invalid_union":
      return "fits none of the forms that are allowed";
    default:
      return "is not acceptable";
  }
}

function bound(origin: string, limit: string, value: number | bigint): string {
  const unit = UNITS[origin];
  return unit ? `have ${limit} ${value}${unit}` : `be ${limit} ${value}`;
}

/** Parameters of `z.safeParse`: its messages use these words, independent of zod's own configuration. */
export const IN_WORDS = { error: explain } as const;
