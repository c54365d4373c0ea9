/** What a script's header says: a comment of three parts at its beginning. */
export interface Header {
  /** All keys, as they are listed. */
  readonly listedKeys: readonly string[];
  /** Keys that each call has, in order. */
  readonly keys: readonly string[];
  /** Keys (`name?`) that a call may have; the argument of that name says where in KEYS, 0 for none. */
  readonly optionalKeys: readonly string[];
  /** Any number of keys follow (`names…`). */
  readonly hasMoreKeys: boolean;
  readonly args: readonly string[];
  /** Arguments without names follow (`…`). */
  readonly hasMoreArgs: boolean;
  /** First words of what it returns. */
  readonly codes: readonly string[];
  /** It may return something that does not begin with a code (`<value>`). */
  readonly hasPlainReply: boolean;
}

const PARTS = ["KEYS", "ARGV", "RETURNS"] as const;

/** The comment and what follows it. @throws Error for a script without a header */
export function split(lua: string): {
  readonly prelude: string;
  readonly header: string;
  readonly body: string;
} {
  const match = /^-- KEYS\n(?:--.*\n)+/m.exec(lua);
  if (!match) throw new Error("it has no header");
  const from = match.index;
  return {
    prelude: lua.slice(0, from),
    header: match[0],
    body: lua.slice(from + match[0].length),
  };
}

/**
 * Its lines are `-- PART`, `--   name, name  meaning` (more spaces begin a further line of the meaning) and `--   (none)`.
 *
 * @throws Error for any other line
 */
export function parseHeader(header: string): Header {
  const entries: Record<(typeof PARTS)[number], string[]> = { KEYS: [], ARGV: [], RETURNS: [] };
  const order: string[] = [];
  for (const line of header.trimEnd().split("\n")) {
    if (/^-- {4,}\S/.test(line) && order.length > 0) continue; // more of the meaning above
    const part = PARTS.find((one) => line === `-- ${one}`);
    if (part) order.push(part);
    const entry = /^-- {3}(\S.*)$/.exec(line)?.[1];
    const present = PARTS.find((one) => one === order.at(-1));
    if (!part && (entry === undefined || !present)) throw new Error(`"${line}" is no line of a header`);
    if (entry === undefined || !present || entry === "(none)") continue;
    const [terms = "", meaning] = entry.split(/ {2,}/);
    if (present === "KEYS" && !meaning) throw new Error(`"${line}" has no meaning`);
    entries[present].push(...terms.split(present === "RETURNS" ? " | " : ", "));
  }
  if (order.join() !== PARTS.join()) throw new Error(`its parts are ${order.join()}`);
  const { KEYS, ARGV, RETURNS } = entries;
  const replies = RETURNS.map((reply) => reply.split(", ")[0] ?? "");
  return {
    listedKeys: KEYS,
    keys: KEYS.filter((key) => /^\w+$/.test(key)),
    optionalKeys: KEYS.flatMap((key) => /^(\w+)\?$/.exec(key)?.[1] ?? []),
    hasMoreKeys: KEYS.some((key) => key.endsWith("…")),
    args: ARGV.filter((name) => name !== "…"),
    hasMoreArgs: ARGV.includes("…"),
    codes: unique(replies.filter((reply) => !reply.startsWith("<"))),
    hasPlainReply: replies.some((reply) => reply.startsWith("<")),
  };
}

/** The same text without comments; strings are kept. */
function uncommented(lua: string): string {
  return lua.replace(/--.*$/gm, "");
}

/** What a script really does with KEYS and ARGV, and what it returns, in the words of a header. */
export function readBody(commented: string): Omit<Header, "hasPlainReply" | "listedKeys"> {
  const body = uncommented(commented);
  const bound = /local ([\w, ]+) =\s+KEYS\[1\]/.exec(body);
  const fixed = [...body.matchAll(/KEYS\[(\d+)\]/g)].map(([, place]) => place);
  const names = bound?.[1]?.split(", ") ?? [];
  const keys = fixed.map((place, index) => {
    const name = names[index] ?? "";
    if (place !== String(index + 1) || !name.endsWith("Key")) throw new Error(`KEYS[${place}] has no name`);
    return name.slice(0, -"Key".length);
  });
  const other = body.replace(/KEYS\[(?:\d+|number\(args\.\w+\))\]/g, "").replace(/named\(ARGV\)/g, "");
  return {
    keys,
    optionalKeys: unique([...body.matchAll(/KEYS\[number\(args\.(\w+)\)\]/g)].map(([, name]) => name ?? "")),
    hasMoreKeys: other.includes("KEYS"),
    args: unique([...body.matchAll(/\bargs\.(\w+)/g)].map(([, name]) => name ?? "")),
    hasMoreArgs: other.includes("ARGV"),
    codes: codesOf(body),
  };
}

/** What `denied` says, which a script returns as `refusal`. */
const REFUSALS = ["unauthenticated", "forbidden", "unknown-project"];

/**
 * The first words of all lists that a script returns, at once or as `answer`; and those that its functions are given
 * as `code`.
 */
function codesOf(body: string): readonly string[] {
  const first = [...body.matchAll(/(?:return|\banswer =) \{(?!\w+ = )/g)].map(({ index, 0: start }) =>
    firstElement(body.slice(index + start.length)),
  );
  const given = [...body.matchAll(/function (\w+)\(([^)]*\b)?code\)/g)].flatMap(([, name]) =>
    [...body.matchAll(new RegExp(`\\b${name}\\([^)]*'([a-z-]+)'\\)`, "g"))].map(([, code]) => code ?? ""),
  );
  const literal = first.flatMap((text) => {
    if (text === "refusal") return REFUSALS;
    const texts = [...text.matchAll(/([=~]= )?'([^']*)'/g)];
    return texts.flatMap(([, compared, code]) => (compared || !code ? [] : [code]));
  });
  return unique([...literal, ...given]);
}

/** Up to the first comma or the closing brace; without what stands in parentheses. */
function firstElement(text: string): string {
  let depth = 0;
  let found = "";
  for (const letter of text) {
    if (letter === ")" || letter === "]") depth--;
    if (depth === 0 && (letter === "," || letter === "}")) break;
    if (depth === 0) found += letter;
    if (letter === "(" || letter === "[") depth++;
  }
  return found;
}

/** Every name that a script gives to a local, a parameter or a loop's variable. */
export function localsOf(lua: string): readonly string[] {
  const code = uncommented(lua).replace(/'(?:\\.|[^'\\\n])*'/g, "''");
  const lists = [
    ...code.matchAll(/\blocal function (\w+)/g),
    ...code.matchAll(/\bfunction ?\w*\(([^)]*)\)/g),
    ...code.matchAll(/\blocal (?!function)([\w, ]+?) *(?:=|$|\bin\b)/gm),
    ...code.matchAll(/\bfor ([\w, ]+?) *(?:=|\bin\b)/g),
  ];
  return unique(lists.flatMap(([, names = ""]) => names.split(/,? +/)).filter((name) => /^\w+$/.test(name)));
}

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)];
