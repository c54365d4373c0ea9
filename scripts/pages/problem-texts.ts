import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { marked } from "marked";
import { root } from "../../src/local/root.ts";
import { PROBLEMS } from "../../src/shared/problems.ts";

/** The text of docs/reference/errors.md as HTML: each problem's section, and what stands before and after them. */
export interface ProblemTexts {
  readonly before: string;
  readonly sections: Readonly<Record<string, string>>;
  readonly after: string;
}

/** The texts of the page as it is now. @throws Error when a problem has no section, or a section no problem */
export async function problemTexts(): Promise<ProblemTexts> {
  const text = await readFile(join(root, "docs/reference/errors.md"), "utf8");
  const [, before = "", chapter = "", after = ""] = /^(.*?\n## Problems\n)(.*?)(\n## .*)$/s.exec(text) ?? [];
  const [intro = "", ...parts] = chapter.split(/^### /m);
  const sections = new Map(
    parts.map((part) => {
      const end = part.indexOf("\n");
      return [part.slice(0, end).trim(), html(part.slice(end))];
    }),
  );
  const codes = Object.keys(PROBLEMS);
  for (const code of codes) {
    if (!sections.has(code)) throw new Error(`docs/reference/errors.md says nothing about ${code}`);
  }
  for (const code of sections.keys()) {
    if (!codes.includes(code))
      throw new Error(`docs/reference/errors.md has a section about no problem: ${code}`);
  }
  return {
    before: withAnchors(html(before + intro)),
    sections: Object.fromEntries(codes.map((code) => [code, sections.get(code) ?? ""])),
    after: withAnchors(html(after)),
  };
}

/**
 * Ours alone, so nothing is sanitised. Links between sections lead to the page with all of them. A link to another
 * file is its text: no site has that file.
 */
function html(markdown: string): string {
  return marked
    .parse(markdown, { async: false })
    .trim()
    .replace(/<a href="(?!https:|#)[^"]*">(.*?)<\/a>/gs, "$1")
    .replaceAll('href="#', 'href="/problems#');
}

/** As GitHub names headings, so that the links of the file work here too. */
function withAnchors(text: string): string {
  return text.replace(/<h(2|3)>(.*?)<\/h\1>/g, (_, level: string, heading: string) => {
    const anchor = heading.toLowerCase().replaceAll(" ", "-");
    return `<h${level} id="${anchor}">${heading}</h${level}>`;
  });
}
