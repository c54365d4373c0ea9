import type { Report, ReportRow } from "./report-aggregate.ts";

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d9dee5, #3a414c); --soft: light-dark(#f4f6f9, #20252d); --quiet: light-dark(#5b6675, #9aa5b5); }
body { margin: 0; padding: 2.5rem 1.25rem; font: 16px/1.5 system-ui, sans-serif; color: light-dark(#1b2430, #e6eaf0); background: light-dark(#fff, #14181e); }
main { max-width: 60rem; margin: 0 auto; }
h1 { margin: 0; font-size: 1.6rem; overflow-wrap: anywhere; }
p { margin: .25rem 0 1.5rem; color: var(--quiet); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .5rem .9rem; border-bottom: 1px solid var(--line); text-align: right; font-variant-numeric: tabular-nums; }
th:first-child { text-align: left; overflow-wrap: anywhere; }
tbody th { font-weight: 400; }
thead th { background: var(--soft); vertical-align: bottom; }
thead small { display: block; font-weight: 400; color: var(--quiet); }
tbody tr:hover { background: var(--soft); }
tfoot th, tfoot td { border-bottom: 0; border-top: 2px solid var(--line); font-weight: 600; }
tbody tr:last-child > * { border-bottom: 0; }
@media print { body { padding: 0; } .scroll { border: 0; } thead { display: table-header-group; } }`;

const AGGREGATES = { sum: "sum", avg: "average", min: "minimum", max: "maximum", count: "count" } as const;

/**
 * Writes a report as one HTML document that needs nothing else: no script, no font, no image, and every text of the
 * CSV escaped.
 *
 * @param id names the task at the foot of the page
 */
export function reportHtml(report: Report, id: string): string {
  const title = `Report by ${escapeHtml(report.groupBy)}`;
  const headings = report.measures.map(
    ({ column, aggregate }) =>
      `<th scope="col">${escapeHtml(column)}<small>${AGGREGATES[aggregate]}</small></th>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}
</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${counted(report.rows, "row")} in ${counted(report.groups.length, "group")}</p>
<div class="scroll" tabindex="0" role="region" aria-label="${title}">
<table>
<thead>
<tr><th scope="col">${escapeHtml(report.groupBy)}</th>${headings.join("")}</tr>
</thead>
<tbody>
${report.groups.map(rowHtml).join("\n")}
</tbody>
<tfoot>
<tr><th scope="row">All</th>${cells(report.totals)}</tr>
</tfoot>
</table>
</div>
<p><small>${escapeHtml(id)}</small></p>
</main>
</body>
</html>
`;
}

function rowHtml({ key, values }: ReportRow): string {
  return `<tr><th scope="row">${key === "" ? "<em>(empty)</em>" : escapeHtml(key)}</th>${cells(values)}</tr>`;
}

function cells(values: readonly number[]): string {
  return values.map((value) => `<td>${formatNumber(value)}</td>`).join("");
}

function counted(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** As people read it, 1,234.5; what is too large or too small for that in scientific notation. */
function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (value !== 0 && (size >= 1e15 || size < 1e-6)) return String(value);
  return value.toLocaleString("en", { maximumFractionDigits: 6 });
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
