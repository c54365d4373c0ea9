/**
 * Top-level names without public receivers: special use (RFC 6761, 6762, 7686, 8375, 9476) and those
 * that private networks are known to use. `localhost` is judged apart, because `local` allows it.
 */
const PRIVATE_SUFFIXES: ReadonlySet<string> = new Set([
  "local",
  "localdomain",
  "internal",
  "intranet",
  "lan",
  "home",
  "corp",
  "private",
  "svc",
  "arpa",
  "onion",
  "test",
  "invalid",
]);

/** Names under which clouds serve credentials to their own machines. */
const METADATA_NAMES: ReadonlySet<string> = new Set([
  "metadata",
  "instance-data",
  "instance-data.ec2.internal",
  "metadata.azure.internal",
  "metadata.goog",
  "metadata.google.internal",
  "metadata.tencentyun.com",
]);

/** How much is granted: `local` adds single labels and `.localhost`, `listed` every well-formed name. */
export type NameGrant = "strict" | "local" | "listed";

/**
 * Judges a host name that the URL parser has normalised (lower case, punycode, no trailing dot).
 *
 * @returns one sentence that names the rule it breaks, or undefined
 */
export function judgeName(name: string, grant: NameGrant): string | undefined {
  const labels = name.split(".");
  const malformed = judgeLabels(name, labels);
  if (malformed) return malformed;
  if (METADATA_NAMES.has(name)) return "The host is a metadata service of a cloud, which is never called.";
  if (grant === "listed" || (grant === "local" && labels.length === 1)) return undefined;
  const suffix = labels.at(-1) ?? "";
  if (suffix === "localhost") return grant === "local" ? undefined : "A localhost name is not public.";
  if (PRIVATE_SUFFIXES.has(suffix)) return `Names under .${suffix} are not public.`;
  return labels.length === 1 ? "The host must be a full domain name, not a single label." : undefined;
}

/** Whether a host could have this name, written as the URL parser does. */
export function isName(name: string): boolean {
  return judgeLabels(name, name.split(".")) === undefined;
}

/** RFC 1035 section 2.3.4 for the lengths; underscores, which RFC 1123 lacks, are common in practice. */
function judgeLabels(name: string, labels: readonly string[]): string | undefined {
  if (name.length > 253) return "The host is longer than 253 octets.";
  for (const label of labels) {
    if (label === "") return "The host has an empty label.";
    if (label.length > 63) return "The host has a label of more than 63 octets.";
    if (!/^[a-z0-9_-]+$/.test(label)) return "The host has a character that names may not have.";
  }
  return undefined;
}
