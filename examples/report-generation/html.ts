import { type Bar, type Column, type Report, textOf, totalsOf } from "./report.ts";

const STYLE = `
:root { --ink: #1b2430; --quiet: #5b6675; --line: #d5dae1; --soft: #f3f5f8; --bar: #2f6fb7; }
* { box-sizing: border-box; }
body { margin: 0; padding: 2.5rem 1.25rem; font: 15px/1.45 Helvetica, Arial, sans-serif; color: var(--ink); background: #fff; }
main { max-width: 56rem; margin: 0 auto; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 1.75rem 0 .6rem; font-size: 1rem; }
p { margin: .3rem 0 0; color: var(--quiet); }
.bars { display: grid; grid-template-columns: fit-content(35%) 1fr max-content; gap: .3rem .75rem; align-items: center; }
.bars span { overflow-wrap: anywhere; }
.bars i { display: block; height: 1rem; min-width: 1px; background: var(--bar); border-radius: 2px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.bars b { font-weight: 400; text-align: right; font-variant-numeric: tabular-nums; }
.scroll { margin-top: 1.75rem; overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
.n, .s { white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
thead th { background: var(--soft); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
tfoot td { border-top: 2px solid var(--ink); border-bottom: 0; font-weight: 700; }
@media screen { td:not([class]) { min-width: 12rem; } }
@page { size: A4; margin: 18mm 16mm; @bottom-right { content: "Page " counter(page) " of " counter(pages); font: 9px Helvetica, Arial, sans-serif; color: #5b6675; } }
@media print {
  body { padding: 0; font-size: 10px; }
  main { max-width: none; }
  .scroll { overflow: visible; }
  tr, .chart { break-inside: avoid; }
  thead { display: table-header-group; }
  tfoot { display: table-row-group; }
}`;

/** Characters of a text that is not broken into lines. */
const SHORT = 14;

/** Writes a report as one HTML document that needs nothing else: no script, no font, no image. Every text is escaped. */
export function reportHtml(report: Report): string {
  const { columns, rows, title, subtitle, date } = report;
  const totals = totalsOf(report);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p>${[subtitle, date].filter(Boolean).map(escapeHtml).join(" · ")}</p>
${chart(report.barTitle, report.bars)}
<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(title)}">
<table>
<thead>
<tr>${columns.map((column) => `<th scope="col"${alignment(column, column.title)}>${escapeHtml(column.title)}</th>`).join("")}</tr>
</thead>
<tbody>
${rows.map((row) => line(row, columns)).join("\n")}
</tbody>
${totals ? `<tfoot>\n${line(totals, columns)}\n</tfoot>` : ""}
</table>
</div>
</main>
</body>
</html>
`;
}

function chart(title: string, bars: readonly Bar[]): string {
  if (bars.length === 0) return "";
  const longest = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const lines = bars.map(({ label, value, text }) => {
    const width = Math.max(0, (100 * value) / longest).toFixed(1);
    return `<span>${escapeHtml(label)}</span><i style="width:${width}%"></i><b>${escapeHtml(text)}</b>`;
  });
  return `<section class="chart">\n<h2>${escapeHtml(title)}</h2>\n<div class="bars">\n${lines.join("\n")}\n</div>\n</section>`;
}

function line(row: Report["rows"][number], columns: readonly Column[]): string {
  const cells = columns.map((column, at) => {
    const text = textOf(row[at] ?? null, column);
    return `<td${alignment(column, text)}>${escapeHtml(text)}</td>`;
  });
  return `<tr>${cells.join("")}</tr>`;
}

/** Numbers stand at the right; what is short, as a date is, stays in one line. */
function alignment({ kind }: Column, text: string): string {
  if (kind === "number") return ' class="n"';
  return text.length <= SHORT ? ' class="s"' : "";
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
