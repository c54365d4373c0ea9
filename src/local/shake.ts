import { type MethodDefinition, type Node, type PropertyDefinition, parse } from "acorn";
import { full } from "acorn-walk";

/**
 * Removes those members of a package's classes whose name nothing uses, over and over until none is left.
 *
 * A bundler drops unused functions but keeps every member of a class, so that an SDK with four hundred commands
 * weighs all of them. For a package that reaches its own members by name only (Upstash's SDKs do, as we use them),
 * a member can be called when its name is read or destructured as a property in the package, or is one of the
 * names that the program reaches into it by.
 *
 * @param modules the package's ES modules that are bundled, by path
 * @param names by which the program reaches into them
 * @returns the modules without these members; a bundler then drops what only they used
 */
export function shakeClassMembers(
  modules: ReadonlyMap<string, string>,
  names: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  let shaken = modules;
  for (;;) {
    const programs = new Map([...shaken].map(([path, text]) => [path, parse(text, SYNTAX)]));
    const read = new Set([...programs.values()].flatMap(namesRead));
    let removed = 0;
    const rest = new Map<string, string>();
    for (const [path, text] of shaken) {
      const members = membersOf(programs.get(path)).filter(
        ({ name, start, end }) =>
          !(names.has(name) || (read.has(name) && !COMMAND.test(text.slice(start, end)))),
      );
      removed += members.length;
      rest.set(path, without(text, members));
    }
    shaken = rest;
    if (removed === 0) return shaken;
  }
}

/**
 * Empties functions that a program never gets to, so that a bundler drops what only they used.
 *
 * @param names of the functions: declarations, or constants that are arrow functions, anywhere in the module;
 *   `default` is an arrow function that the module exports as its default
 * @param body what stands in them instead
 * @throws Error when one of them is not there: the package has changed
 */
export function emptyFunctions(source: string, names: readonly string[], body = ""): string {
  const bodies: Member[] = [];
  full(parse(source, SYNTAX), (node) => {
    const { name, block } = definedBy(node as Defining); // by its type
    if (block?.type === "BlockStatement" && name !== undefined && names.includes(name)) {
      bodies.push({ name, start: block.start + 1, end: block.end - 1 });
    }
  });
  const missing = names.filter((name) => !bodies.some((found) => found.name === name));
  if (missing.length > 0) throw new Error(`the package has no function ${missing.join(", ")}`);
  return without(source, bodies, body);
}

function definedBy({ type, id, init, body, declaration }: Defining): { name?: string; block?: Node } {
  if (type === "ExportDefaultDeclaration") return { name: "default", ...blockOf(declaration) };
  const name = id?.name === undefined ? {} : { name: id.name };
  if (type === "FunctionDeclaration") return { ...name, ...(body && { block: body }) };
  return type === "VariableDeclarator" ? { ...name, ...blockOf(init) } : {};
}

function blockOf(value: { readonly body?: Node } | null | undefined): { block?: Node } {
  return value?.body ? { block: value.body } : {};
}

/**
 * Empties the texts by which a package explains errors that nobody is shown: the program tells its own.
 *
 * @param speaking errors (or `console`) that keep the texts which are put together: something reads them
 * @returns the module, `new …Error("…")` and `console.warn("…")` without their words
 */
export function muteErrors(source: string, speaking: readonly string[]): string {
  const texts: Member[] = [];
  full(parse(source, SYNTAX), (node) => {
    const { type, callee, arguments: given = [] } = node as Calling; // by its type
    const named = callee?.name ?? (callee?.object?.name === "console" ? "console" : "");
    if (!(type === "NewExpression" ? /Error$|^Err$|^J(OSE|WS|WT)/ : /^console$/).test(named)) return;
    for (const { type: kind, value, start, end } of given) {
      const isText = typeof value === "string" || (kind === "TemplateLiteral" && !speaking.includes(named));
      if (isText) texts.push({ name: named, start, end });
    }
  });
  return without(source, texts, '""');
}

/** The fields of acorn's calls that matter here. */
interface Calling extends Node {
  readonly callee?: { readonly name?: string; readonly object?: { readonly name?: string } };
  readonly arguments?: readonly (Node & { readonly value?: unknown })[];
}

/** The fields of acorn's function nodes that matter here. */
interface Defining extends Node {
  readonly id?: { readonly name?: string } | null;
  readonly init?: { readonly body?: Node } | null;
  readonly body?: Node;
  readonly declaration?: { readonly body?: Node };
}

/** A member that makes a command of Redis is there for the program alone, whatever else in the package has its name. */
const COMMAND = /new \w+Command\w*\(/;

const SYNTAX = { ecmaVersion: "latest", sourceType: "module" } as const;

interface Member {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Methods, accessors and fields that hold a function: removing one has no effect of its own. */
function membersOf(program: Node | undefined): Member[] {
  const members: Member[] = [];
  if (!program) return members;
  full(program, (node) => {
    if (node.type !== "MethodDefinition" && node.type !== "PropertyDefinition") return;
    const member = node as MethodDefinition | PropertyDefinition; // by its type
    if (member.computed || member.key.type !== "Identifier" || !isInert(member)) return;
    members.push({ name: member.key.name, start: member.start, end: member.end });
  });
  return members;
}

function isInert(member: MethodDefinition | PropertyDefinition): boolean {
  if (member.type === "MethodDefinition") return member.kind !== "constructor";
  return member.value?.type === "ArrowFunctionExpression" || member.value?.type === "FunctionExpression";
}

/** The fields of acorn's nodes that matter here. */
interface Named extends Node {
  readonly computed?: boolean;
  readonly property?: Named;
  readonly key?: Named;
  readonly name?: string;
  readonly properties?: readonly Named[];
}

/** Every name that the module reads a property by. */
function namesRead(program: Node): string[] {
  const names: string[] = [];
  full(program, (node) => {
    const { type, computed, property, properties = [] } = node as Named; // by its type
    if (type === "MemberExpression" && !computed && property?.name) names.push(property.name);
    if (type === "ObjectPattern") for (const { key } of properties) if (key?.name) names.push(key.name);
  });
  return names;
}

function without(text: string, members: readonly Member[], instead = ""): string {
  let result = "";
  let from = 0;
  for (const { start, end } of [...members].sort((a, b) => a.start - b.start)) {
    if (start < from) continue; // lies in a member that goes already
    result += text.slice(from, start) + instead;
    from = end;
  }
  return result + text.slice(from);
}
