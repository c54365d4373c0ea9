import * as fc from "fast-check";
import { anyJson, anyText, nested } from "./values.ts";

/* One thing broken in what was right. */

/** A body that differs in one place from one that fits, or is no JSON at all. */
export function breakBody(right: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const inOnePlace = fc.tuple(right, fc.nat(1_000), anyJson, fc.nat(4)).map(([text, place, value, how]) => {
    const json: unknown = JSON.parse(text);
    return JSON.stringify(changed(json, place, value, how));
  });
  return fc.oneof(
    { weight: 8, arbitrary: inOnePlace },
    { weight: 3, arbitrary: breakText(right) },
    { weight: 1, arbitrary: anyJson.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: right.map((text) => text.replace("{", '{"__proto__":{"polluted":1},')) },
    { weight: 1, arbitrary: right.map((text) => text.replace(/"(\w+)":/, '"$1":1e400,"$1":')) }, // a name twice
    { weight: 1, arbitrary: right.map((text) => text.replace(/:[^,{}[\]]*/, ":-1e999")) },
    { weight: 1, arbitrary: fc.constant(`{"type":"diagnostics.echo","input":${"[".repeat(100_000)}`) },
    { weight: 1, arbitrary: fc.constant(JSON.stringify({ type: "diagnostics.echo", input: nested(3_000) })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("", " ", "null", "[]", "1", '"x"', "\ufeff{}", "{}{}", "NaN", "{'a':1}"),
    },
    {
      weight: 1,
      arbitrary: fc.constant(JSON.stringify({ type: "diagnostics.echo", input: "x".repeat(1_048_577) })),
    },
  );
}

/** A text cut, doubled, or with something put in. */
export function breakText(right: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(right, fc.nat(1_000), anyText, fc.nat(3)).map(([text, place, extra, how]) => {
    const at = place % (text.length + 1);
    if (how === 0) return text.slice(0, at);
    if (how === 1) return text + text.slice(at);
    if (how === 2) return text.slice(0, at) + extra.replaceAll(/[{}]/g, "") + text.slice(at);
    return text.replaceAll("a", "A");
  });
}

/** The value with one place of it replaced, left out, doubled into a list, or given a member more. */
function changed(json: unknown, place: number, value: unknown, how: number): unknown {
  const places = placesIn(json);
  const at = places[place % places.length] ?? [];
  return edit(json, at, (old) => {
    if (how === 0) return undefined;
    if (how === 1) return [old, old];
    if (how === 2 && typeof old === "object" && old !== null && !Array.isArray(old)) {
      return { ...old, [["constructor", "extra", "", "a/b~c"][place % 4] ?? ""]: value };
    }
    return value;
  });
}

type Path = readonly (string | number)[];

function placesIn(json: unknown, at: Path = []): Path[] {
  if (typeof json !== "object" || json === null || at.length > 4) return [at];
  const members = Array.isArray(json) ? [...json.entries()] : Object.entries(json);
  return [at, ...members.flatMap(([name, member]) => placesIn(member, [...at, name]))];
}

function edit(json: unknown, [first, ...rest]: Path, change: (old: unknown) => unknown): unknown {
  if (first === undefined) return change(json) ?? null;
  const next = (old: unknown): unknown => (rest.length === 0 ? change(old) : edit(old, rest, change));
  if (Array.isArray(json)) return json.map((member, index) => (index === first ? next(member) : member));
  return Object.fromEntries(
    Object.entries(json as object).map(([name, member]) => [name, name === first ? next(member) : member]), // on a path of this value
  );
}
