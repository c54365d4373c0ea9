import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../src/local/root.ts";
import { PROBLEMS, type ProblemCode } from "../../src/shared/problems.ts";
import { escapeHtml, layout, markdown } from "./layout.ts";

/** The page of each problem, and the overview, by file name; the words are those of docs/reference/errors.md. */
export async function problemPages(): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(join(root, "docs/reference/errors.md"), "utf8");
  const sections = problemSections(text);
  const pages: Record<string, string> = { "problems.html": index(text) };
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    const section = sections.get(code);
    if (section === undefined) throw new Error(`docs/reference/errors.md says nothing about ${code}`);
    pages[`problems/${code}.html`] = page(code, section);
  }
  return pages;
}

/** The text of docs/reference/errors.md under each `### code` of its chapter on problems. */
export function problemSections(text: string): ReadonlyMap<string, string> {
  const chapter = /\n## Problems\n(?<body>.*?)\n## /s.exec(text)?.groups?.["body"] ?? "";
  const [, ...sections] = chapter.split(/^### /m);
  return new Map(
    sections.map((section) => {
      const end = section.indexOf("\n");
      return [section.slice(0, end).trim(), section.slice(end).trim()];
    }),
  );
}

function page(code: ProblemCode, section: string): string {
  const { title, status } = PROBLEMS[code];
  const main = `<h1>${escapeHtml(title)}</h1>
<p><code>${code}</code> <span class="faint">HTTP ${status}</span></p>
${linked(markdown(section))}
<p><a href="/problems">All problems and error codes</a></p>`;
  return layout({ title: `${title} (${code})`, description: title, contents: contents(), main });
}

function index(text: string): string {
  const main = linked(markdown(text)).replace(
    /<h(2|3)>(.*?)<\/h\1>/g,
    (_, level: string, heading: string) => `<h${level} id="${anchor(heading)}">${heading}</h${level}>`,
  );
  return layout({
    title: "Problems and error codes of Ringback",
    description: "Every error that the API answers with: what happened, whose fault it is, what to do.",
    contents: contents(),
    main,
  });
}

/**
 * Links between sections lead to the page with all of them. A link to another file is its text: no site has that file.
 */
function linked(html: string): string {
  return html
    .replace(/<a href="(?!https:|#)[^"]*">(.*?)<\/a>/gs, "$1")
    .replaceAll('href="#', 'href="/problems#');
}

/** As GitHub names headings, so that the links of the file work here too. */
function anchor(heading: string): string {
  return heading.toLowerCase().replaceAll(" ", "-");
}

function contents(): string {
  const byStatus = Map.groupBy(Object.entries(PROBLEMS), ([, { status }]) => status);
  return [...byStatus]
    .map(([status, problems]) => {
      const items = problems.map(([code]) => `<li><a href="/problems/${code}">${code}</a></li>`);
      return `<strong>${status}</strong><ul>${items.join("")}</ul>`;
    })
    .join("");
}
