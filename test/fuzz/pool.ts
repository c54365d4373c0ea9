import { idOf } from "../../src/shared/id.ts";

/** How many things of a kind are remembered: the newest, which are the likeliest to be there still. */
const REMEMBERED = 60;

const ID = /^(task|batch|del|ep|evt|key|prj)_[0-7][0-9a-hjkmnp-tv-z]{25}$/;
const MARK = /\{\{([\w-]+):(-?\d+)\}\}/g;

/** What earlier answers told of: ids, tokens, cursors, tags, for requests that come later. */
export class Pool {
  readonly #known = new Map<string, string[]>();
  readonly #spared: ReadonlySet<string>;

  /** @param spared ids that are not learnt from answers */
  constructor(spared: ReadonlySet<string>) {
    this.#spared = spared;
  }

  /** Remembers what requests may name. */
  add(kind: string, ...values: readonly string[]): void {
    this.give(kind, ...values.filter((value) => !this.#spared.has(value)));
  }

  /** Remembers it though answers that tell of it are passed over. */
  give(kind: string, ...values: readonly string[]): void {
    const known = this.#known.get(kind) ?? [];
    this.#known.set(kind, [...new Set([...known, ...values])].slice(-REMEMBERED));
  }

  /** Of a thing that is gone little is left to try. */
  forget(kind: string, value: string): void {
    this.#known.set(kind, this.#known.get(kind)?.filter((one) => one !== value) ?? []);
  }

  /** Two things that belong together stay at the same place of their lists. */
  pair(kind: string, value: string, other: string, token: string): void {
    if (this.#known.get(other)?.includes(token)) return;
    for (const [name, one] of [
      [kind, value],
      [other, token],
    ] as const) {
      this.#known.set(name, [...(this.#known.get(name) ?? []), one].slice(-REMEMBERED));
    }
  }

  pick(kind: string, place: number): string {
    if (kind === "time") return new Date(Date.now() + place).toISOString();
    const known = this.#known.get(kind) ?? [];
    return known[place % known.length] ?? unknown(kind);
  }

  /** The text with its marks replaced. */
  fill(text: string): string {
    return text.replace(MARK, (_, kind: string, place: string) => this.pick(kind, Number(place)));
  }

  /** Remembers the ids and tokens of an answer or of a callback. */
  learn(json: unknown): void {
    if (typeof json === "string") this.#learnText(json);
    if (typeof json !== "object" || json === null) return;
    for (const [name, member] of Object.entries(json)) {
      if (name === "nextCursor" && typeof member === "string") this.add("cursor", member);
      else this.learn(member);
    }
  }

  #learnText(text: string): void {
    const kind = ID.exec(text)?.[1];
    if (kind !== undefined) this.add(kind, text);
    if (/^rbt_[\w-]+$/.test(text)) this.pair("handed", taskOf(text), "token", text);
    const link = /\/v1\/tasks\/(task_\w+)\/(?:result|events)\?token=((rb[rbe])_[\w-]+)$/.exec(text);
    const [thing, token] = LINKS[link?.[3] ?? ""] ?? [];
    if (link?.[1] && link[2] && thing && token) this.pair(thing, link[1], token, link[2]);
  }
}

/** The thing that a token in a link opens, and the kind of the token, by its prefix. */
const LINKS: Readonly<Record<string, readonly [thing: string, token: string]>> = {
  rbr: ["linked", "link"],
  rbe: ["watched", "events"],
  rbb: ["viewed", "view"],
};

/** The task that a task token is of. */
function taskOf(token: string): string {
  return idOf("task", Buffer.from(token.slice(4), "base64url").subarray(20, 36));
}

/** Well formed, and nobody's. */
function unknown(kind: string): string {
  const id = "01kawv0m1ne0nvxf9dkb2jc5h0";
  const bare = kind.replace("foreign-", "");
  const others: Readonly<Record<string, string>> = {
    handed: `task_${id}`,
    watched: `task_${id}`,
    linked: `task_${id}`,
    viewed: `task_${id}`,
    token: `rbt_${"A".repeat(107)}`,
    events: `rbe_${"A".repeat(75)}`,
    link: `rbr_${"A".repeat(75)}`,
    view: `rbb_${"A".repeat(75)}`,
    jwks: `prj_${id}.json`,
    file: `prj_${id}.json`,
    code: "not-found",
    etag: '"nothing"',
    cursor: "MSB-",
    apikey: "rb_nothing",
  };
  return others[bare] ?? `${bare}_${id}`;
}
