import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { root } from "./process.ts";

// The project's pages, and the parts of a page's Markdown.

export const read = (path: string): Promise<string> => readFile(join(root, path), "utf8");

/** Every page that people read: those at the top, and all below docs and examples. */
export async function markdownPages(): Promise<string[]> {
  const folders = await Promise.all(
    ["docs", "examples"].map(async (folder) =>
      (await readdir(join(root, folder), { recursive: true })).map((name) => `${folder}/${name}`),
    ),
  );
  const names = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", ...folders.flat()];
  return names.filter((name) => name.endsWith(".md"));
}

/** The findings of a check, each with its page. */
export async function findings(check: (text: string) => readonly string[]): Promise<string[]> {
  const pages = await markdownPages();
  const found = await Promise.all(
    pages.map(async (page) => check(await read(page)).map((one) => `${page}: ${one}`)),
  );
  return found.flat();
}

export function linkTargets(text: string): string[] {
  return [/\]\(([^)\s]+)\)/g, /^\[[^\]]+\]: (\S+)$/gm].flatMap((link) =>
    [...text.matchAll(link)].map(([, target]) => target ?? ""),
  );
}

/** A line that says where the links with a label lead: `[label]: target`. */
export const DEFINITION = /^\[([^\]]+)\]: \S+$/gm;

/** The labels of the links that have no target of their own: `[label]` and `[text][label]`. */
export function labels(text: string): string[] {
  const body = text
    .replace(/^( *)```.*?^\1```$/gms, "")
    .replace(DEFINITION, "")
    .replace(/^#.*$/gm, "");
  // A label may be code.
  const rest = body.replace(/\[`[^`\n]+`\]|`[^`\n]+`/g, (code) => (code.startsWith("[") ? code : "…"));
  return [...rest.matchAll(/(?<!\])\[([^\][]+)\](?:\[([^\]]+)\])?(?!\()/g)].map(
    ([, text = "", label = text]) => label,
  );
}

export async function brokenLinks(page: string): Promise<string[]> {
  const text = (await read(page)).replace(/^```.*?^```/gms, "");
  const broken: string[] = [];
  for (const target of linkTargets(text).filter((one) => !/^[a-z]+:/.test(one))) {
    const [path = "", fragment] = target.split("#");
    const file = path === "" ? join(root, page) : join(root, dirname(page), path);
    const found = await stat(file).catch(() => undefined);
    if (!found || (fragment && !(await headings(file)).includes(fragment))) broken.push(`${page}: ${target}`);
  }
  return broken;
}

/** The fragments of a page's headings, as GitHub makes them. */
export async function headings(file: string): Promise<string[]> {
  const text = (await read(relative(root, file))).replace(/^```.*?^```/gms, "");
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** A page without its code, blocks and spans. */
export function withoutCode(text: string): string {
  return text.replace(/^( *)```.*?^\1```$/gms, "").replace(/`[^`\n]+`/g, "`…`");
}

/** The lines of a page that are neither code blocks nor tables. */
export function prose(text: string): string {
  return text.replace(/^( *)```.*?^\1```$/gms, "").replace(/^ *\|.*$/gm, "");
}

/** The cells of a page's tables as a reader sees them: a link is its text. */
export function cells(text: string): string[] {
  const rows = text.replace(/^( *)```.*?^\1```$/gms, "").match(/^\|.*\|$/gm) ?? [];
  return rows.flatMap((row) =>
    row
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replace(/\[([^\]]+)\](?:\([^)]+\)|\[[^\]]+\])/g, "$1")),
  );
}
