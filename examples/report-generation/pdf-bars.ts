import { rgb } from "pdf-lib";
import { type Canvas, INK, PAGE, QUIET, ROOM } from "./pdf-page.ts";
import type { Report } from "./report.ts";

const SIZE = 9;
const LINE = 17;
const BAR = rgb(0.184, 0.435, 0.718);
const TRACK = rgb(0.953, 0.961, 0.973);
const GAP = 8;

/** Draws the chart: a line for each bar, its label at the left, its value at the right. */
export function drawBars(canvas: Canvas, { bars, barTitle }: Report): void {
  if (bars.length === 0) return;
  const { page, bold, regular } = canvas;
  const head = bold.fitted(bold.printable(barTitle), 11, ROOM);
  page.drawText(head, { x: PAGE.margin, y: canvas.y - 9, size: 11, font: bold.font, color: INK });
  canvas.y -= 20;

  const labels = bars.map(({ label }) => regular.fitted(regular.printable(label), SIZE, 150));
  const labelRoom = Math.max(...labels.map((label) => regular.width(label, SIZE)));
  const valueRoom = Math.max(...bars.map(({ text }) => regular.width(text, SIZE)));
  const left = PAGE.margin + labelRoom + GAP;
  const room = ROOM - labelRoom - valueRoom - 2 * GAP;
  const longest = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const text = { size: SIZE, font: regular.font };
  for (const [index, bar] of bars.entries()) {
    const y = canvas.y - LINE;
    page.drawText(labels[index] ?? "", { x: PAGE.margin, y: y + 5, ...text, color: INK });
    page.drawRectangle({ x: left, y: y + 2.5, width: room, height: 12, color: TRACK });
    const width = Math.max(0, (room * bar.value) / longest);
    if (width > 0) page.drawRectangle({ x: left, y: y + 2.5, width, height: 12, color: BAR });
    const right = PAGE.margin + ROOM - regular.width(bar.text, SIZE);
    page.drawText(bar.text, { x: right, y: y + 5, ...text, color: QUIET });
    canvas.y = y;
  }
  canvas.y -= 24;
}
