import { readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { root } from "../../src/local/root.ts";

/** A page of the documentation, as it is written. */
export interface Source {
  /** Its file, from the top of the project. */
  readonly file: string;
  /** Its address below `/docs/guides`; empty for the list of all pages. */
  readonly name: string;
  readonly title: string;
  readonly markdown: string;
}

/** Pages under one heading of docs/README.md, in its order. */
export interface Chapter {
  readonly title: string;
  readonly pages: readonly Source[];
}

const INDEX = "docs/README.md";
const EXAMPLES = "examples/README.md";

/**
 * All pages, by chapter. The first chapter has the list itself and the pages at the top of the project. The others are
 * the headings of docs/README.md with the pages that they list. The last has the worked examples.
 */
export async function readChapters(): Promise<readonly Chapter[]> {
  const index = await readSource(INDEX);
  const start = {
    title: "Start",
    pages: [index, await readSource("README.md"), await readSource("SECURITY.md")],
  };
  const listed = await Promise.all(chaptersOf(index.markdown).map(readChapter));
  const examples = await readSource(EXAMPLES);
  const own = await Promise.all(linkedFiles(EXAMPLES, examples.markdown).map(readExample));
  return [start, ...listed, { title: "Worked examples", pages: [examples, ...own] }];
}

async function readChapter({ title, text }: { title: string; text: string }): Promise<Chapter> {
  return { title, pages: await Promise.all(linkedFiles(INDEX, text).map(readSource)) };
}

/** The headings of a list of pages, each without the words that follow its colon. */
function chaptersOf(text: string): { title: string; text: string }[] {
  const [, ...parts] = text.split(/^## /m);
  return parts.map((part) => ({ title: /^[^:\n]+/.exec(part)?.[0] ?? "", text: part }));
}

/** The pages that the rows of a text's tables link to. */
function linkedFiles(from: string, text: string): string[] {
  const rows = text.match(/^\|.*\|$/gm) ?? [];
  const targets = rows.flatMap((row) =>
    [...row.matchAll(/\]\(([^)#]+\.md)\)/g)].map(([, target = ""]) => target),
  );
  return targets.map((target) => posix.join(posix.dirname(from), target));
}

async function readSource(file: string): Promise<Source> {
  const markdown = withVariables(file, await readFile(join(root, file), "utf8"));
  const title = /^# (.+)$/m.exec(markdown)?.[1];
  if (title === undefined) throw new Error(`${file} has no title`);
  return { file, name: nameOf(file), title, markdown };
}

/**
 * A page may be the first one that somebody reads: if its commands use variables, it links to the place that sets them,
 * after its first paragraph.
 */
function withVariables(file: string, markdown: string): string {
  if (file === INDEX || !file.startsWith("docs/") || !markdown.includes("$URL")) return markdown;
  const place = `${posix.relative(posix.dirname(file), INDEX)}#variables-of-the-commands`;
  const note = `> The commands use \`$URL\` and \`$KEY\`: [set them once](${place}).\n\n`;
  return markdown.replace(/^# .+\n\n(?:(?:.+\n)*.*[^:\n]\n\n)?/, (start) => start + note);
}

/** The page of an example ends with its program: a reader of the site has no copy of the repository. */
async function readExample(file: string): Promise<Source> {
  const source = await readSource(file);
  const folder = posix.dirname(file);
  const names = (await readdir(join(root, folder))).filter((name) => name.endsWith(".ts")).toSorted();
  const programs = await Promise.all(
    names.map(
      async (name) => `### ${name}\n\n\`\`\`ts\n${await readFile(join(root, folder, name), "utf8")}\`\`\`\n`,
    ),
  );
  return { ...source, markdown: `${source.markdown.trimEnd()}\n\n## Files\n\n${programs.join("\n")}` };
}

/**
 * The address of a file. A guide stands at the top (`deploy`), other pages below their folder (`operations/doctor`), an
 * example below `examples`.
 */
export function nameOf(file: string): string {
  if (file === INDEX) return "";
  return file
    .replace(/^docs\/(guides\/)?/, "")
    .replace(/\/README\.md$/, "")
    .replace(/\.md$/, "")
    .toLowerCase();
}
