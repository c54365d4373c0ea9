import { PROBLEMS, type ProblemCode } from "../../shared/problems.ts";
import { escapeHtml, layout } from "./layout.ts";
// Written by scripts/problem-texts.ts from docs/reference/errors.md.
import texts from "./problem-texts.json" with { type: "json" };

const SECTIONS: Readonly<Record<ProblemCode, string>> = texts.sections;

/**
 * The page of one problem.
 *
 * @param base the path below which the gateway is mounted
 */
export function problemPage(base: string, code: ProblemCode): string {
  const { title, status } = PROBLEMS[code];
  const main = `<h1>${escapeHtml(title)}</h1>
<p><code>${code}</code> <span class="faint">HTTP ${status}</span></p>
${below(base, SECTIONS[code])}
<p><a href="${base}/problems">All problems and error codes</a></p>`;
  return layout({ base, title: `${title} (${code})`, description: title, contents: contents(base), main });
}

/** The page with all problems and error codes. */
export function problemIndex(base: string): string {
  const sections = Object.entries(SECTIONS).map(
    ([code, section]) => `<h3 id="${code}">${code}</h3>\n${section}`,
  );
  return layout({
    base,
    title: "Problems and error codes of Ringback",
    description: "Every error that the API answers with: what happened, whose fault it is, what to do.",
    contents: contents(base),
    main: below(base, [texts.before, ...sections, texts.after].join("\n")),
  });
}

/** A text whose links lead to the gateway's own pages. */
function below(base: string, html: string): string {
  return html.replaceAll('href="/', `href="${base}/`);
}

function contents(base: string): string {
  const byStatus = Map.groupBy(Object.entries(PROBLEMS), ([, { status }]) => status);
  return [...byStatus]
    .map(([status, problems]) => {
      const items = problems.map(([code]) => `<li><a href="${base}/problems/${code}">${code}</a></li>`);
      return `<strong>${status}</strong><ul>${items.join("")}</ul>`;
    })
    .join("");
}
