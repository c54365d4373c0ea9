import { rgb } from "pdf-lib";
import { type Canvas, FLOOR, INK, PAGE, ROOM } from "./pdf-page.ts";
import { type Cell, type Column, type Report, textOf, totalsOf } from "./report.ts";
import type { Typeface } from "./typeface.ts";

const RULE = rgb(0.835, 0.855, 0.882);
const HEAD = rgb(0.953, 0.961, 0.973);
const MAX_LINES = 3;

/** What texts are left with at least, when they need it, however many numbers there are. */
const TEXT_ROOM = 0.3 * ROOM;

/** Measures of a table, in points; `ascent` is how far below its line's upper edge a letter stands. */
const STYLE = { size: 9, line: 11.5, ascent: 8.6, padX: 6, padY: 4.5 } as const;
type Style = Readonly<Record<keyof typeof STYLE, number>>;

/** Where the columns are, and how large everything is. */
interface Layout {
  readonly style: Style;
  readonly columns: readonly { readonly column: Column; readonly x: number; readonly width: number }[];
}

/** A row whose texts are broken into lines. */
interface Laid {
  readonly cells: readonly (readonly string[])[];
  readonly height: number;
}

/** Draws the table. Each page begins with the head, no row is torn apart, and the totals never stand alone. */
export function drawTable(canvas: Canvas, report: Report): void {
  const { regular, bold } = canvas;
  const totals = totalsOf(report);
  const layout = layoutOf(canvas, report, totals);
  const head = lay(
    report.columns.map(({ title }) => title),
    layout,
    bold,
  );
  const last = totals && lay(totals, layout, bold);
  drawHead(canvas, layout, head);
  for (const [index, row] of report.rows.entries()) {
    const laid = lay(row, layout, regular);
    // What ends the table takes its last row along to the next page.
    const needed = laid.height + (index === report.rows.length - 1 ? (last?.height ?? 0) : 0);
    if (canvas.y - needed < FLOOR) {
      canvas.turn();
      drawHead(canvas, layout, head);
    }
    drawRow(canvas, layout, laid, regular);
    rule(canvas, 0.5, false);
  }
  if (!last) return;
  rule(canvas, 1, true);
  drawRow(canvas, layout, last, bold);
}

/**
 * Numbers get the room that they need, for a number that is cut or broken is another one; texts share what is left. Where
 * the numbers leave too little, everything is smaller.
 */
function layoutOf(canvas: Canvas, report: Report, totals: readonly Cell[] | undefined): Layout {
  const isNumber = (at: number) => report.columns[at]?.kind === "number";
  const measure = (titles: "whole" | "broken") => {
    const wanted = report.columns.map((column, at) =>
      widthWanted(canvas, report, totals, titles, column, at),
    );
    const numbers = sum(wanted.filter((_, at) => isNumber(at)));
    const texts = wanted.filter((_, at) => !isNumber(at));
    const scale = Math.min(1, ROOM / (numbers + Math.min(sum(texts), TEXT_ROOM)));
    return { wanted, numbers, texts, scale };
  };
  const easy = measure("whole");
  const { wanted, numbers, texts, scale } = easy.scale === 1 ? easy : measure("broken");
  const shared = share(
    texts.map((width) => width * scale),
    ROOM - numbers * scale,
  );
  // Numbers alone are spread over the page.
  const stretch = texts.length === 0 ? ROOM / numbers : scale;
  const widths = wanted.map((width, at) => (isNumber(at) ? width * stretch : (shared.shift() ?? 0)));
  return {
    style: {
      size: STYLE.size * scale,
      line: STYLE.line * scale,
      ascent: STYLE.ascent * scale,
      padX: STYLE.padX * scale,
      padY: STYLE.padY * scale,
    },
    columns: report.columns.map((column, at) => ({
      column,
      x: PAGE.margin + sum(widths.slice(0, at)),
      width: widths[at] ?? 0,
    })),
  };
}

/** The width in which no cell of a column needs a second line; the titles of numbers may be broken between words. */
function widthWanted(
  { regular, bold }: Canvas,
  { rows }: Report,
  totals: readonly Cell[] | undefined,
  titles: "whole" | "broken",
  column: Column,
  at: number,
): number {
  const heads = titles === "broken" && column.kind === "number" ? column.title.split(/\s+/) : [column.title];
  const total = totals ? textOf(totals[at] ?? null, column) : "";
  let widest = Math.max(...[...heads, total].map((text) => bold.measured(text, STYLE.size)));
  for (const row of rows)
    widest = Math.max(widest, regular.measured(textOf(row[at] ?? null, column), STYLE.size));
  return widest + 2 * STYLE.padX;
}

/** Nobody gets less than an equal part, unless they want less; what nobody wants goes to the largest. */
function share(wanted: readonly number[], room: number): number[] {
  const widths = wanted.map(() => 0);
  const order = wanted.map((width, at) => ({ width, at })).sort((left, right) => left.width - right.width);
  let left = room;
  for (const [index, { width, at }] of order.entries()) {
    const others = order.length - index - 1;
    const given = others === 0 ? left : Math.min(width, left / (others + 1));
    widths[at] = given;
    left -= given;
  }
  return widths;
}

const sum = (widths: readonly number[]): number => widths.reduce((total, width) => total + width, 0);

function lay(row: readonly Cell[], { style, columns }: Layout, typeface: Typeface): Laid {
  const cells = columns.map(({ column, width }, at) => {
    const text = typeface.printable(textOf(row[at] ?? null, column));
    // A hundredth more, because sums of fractions are not exact.
    return typeface.wrapped(text, style.size, width - 2 * style.padX + 0.01, MAX_LINES);
  });
  const lines = Math.max(...cells.map(({ length }) => length));
  return { cells, height: lines * style.line + 2 * style.padY };
}

function drawHead(canvas: Canvas, layout: Layout, head: Laid): void {
  const { page, y } = canvas;
  page.drawRectangle({ x: PAGE.margin, y: y - head.height, width: ROOM, height: head.height, color: HEAD });
  drawRow(canvas, layout, head, canvas.bold);
}

function drawRow(
  canvas: Canvas,
  { style, columns }: Layout,
  { cells, height }: Laid,
  typeface: Typeface,
): void {
  const { size, line, ascent, padX, padY } = style;
  for (const [at, { column, x, width }] of columns.entries()) {
    for (const [index, text] of (cells[at] ?? []).entries()) {
      if (text === "") continue;
      const indent = column.kind === "number" ? width - padX - typeface.width(text, size) : padX;
      const y = canvas.y - padY - ascent - index * line;
      canvas.page.drawText(text, { x: x + indent, y, size, font: typeface.font, color: INK });
    }
  }
  canvas.y -= height;
}

function rule({ page, y }: Canvas, thickness: number, isStrong: boolean): void {
  const color = isStrong ? INK : RULE;
  page.drawLine({ start: { x: PAGE.margin, y }, end: { x: PAGE.margin + ROOM, y }, thickness, color });
}
