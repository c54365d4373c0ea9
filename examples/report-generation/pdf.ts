import fontkit from "@pdf-lib/fontkit";
import regularFont from "dejavu-fonts-ttf/ttf/DejaVuSans.ttf";
import boldFont from "dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf";
import { PDFDocument, type PDFPage } from "pdf-lib";
import { drawBars } from "./pdf-bars.ts";
import { type Canvas, INK, PAGE, QUIET, ROOM } from "./pdf-page.ts";
import { drawTable } from "./pdf-table.ts";
import type { Report } from "./report.ts";
import { Typeface } from "./typeface.ts";

/** Only the letters that a report uses are in its file. A letter is as wide in a word as alone: no ligatures. */
const EMBEDDED = { subset: true, features: { liga: false, clig: false, kern: false } } as const;

/**
 * Draws a report on as many pages of A4 as it needs.
 *
 * @param createdAt is written into the file, so that each attempt of a task makes the same bytes
 * @returns `replaced`: characters that the font lacks
 */
export async function reportPdf(
  report: Report,
  createdAt: Date,
): Promise<{ bytes: Uint8Array; pages: number; replaced: number }> {
  const document = await PDFDocument.create();
  document.setTitle(report.title, { showInWindowTitleBar: true });
  document.setLanguage("en");
  document.setCreationDate(createdAt);
  document.setModificationDate(createdAt);
  document.registerFontkit(fontkit);
  const canvas: Canvas = {
    regular: new Typeface(await document.embedFont(regularFont, EMBEDDED)),
    bold: new Typeface(await document.embedFont(boldFont, EMBEDDED)),
    page: document.addPage([PAGE.width, PAGE.height]),
    y: PAGE.height - PAGE.margin,
    turn() {
      this.page = document.addPage([PAGE.width, PAGE.height]);
      this.y = PAGE.height - PAGE.margin;
      drawRunningHead(this, report);
    },
  };
  drawTitle(canvas, report);
  drawBars(canvas, report);
  drawTable(canvas, report);
  const pages = document.getPages();
  for (const [index, page] of pages.entries()) drawFoot(canvas, page, report, index + 1, pages.length);
  const replaced = canvas.regular.replaced + canvas.bold.replaced;
  return { bytes: await document.save(), pages: pages.length, replaced };
}

function drawTitle(canvas: Canvas, { title, subtitle }: Report): void {
  const { bold, regular } = canvas;
  for (const line of bold.wrapped(bold.printable(title), 20, ROOM, 3)) {
    canvas.y -= 22;
    canvas.page.drawText(line, { x: PAGE.margin, y: canvas.y, size: 20, font: bold.font, color: INK });
  }
  if (subtitle !== "") {
    canvas.y -= 17;
    const text = regular.fitted(regular.printable(subtitle), 10.5, ROOM);
    const style = { size: 10.5, font: regular.font, color: QUIET };
    canvas.page.drawText(text, { x: PAGE.margin, y: canvas.y, ...style });
  }
  canvas.y -= 22;
}

/** At the top of each page but the first. */
function drawRunningHead(canvas: Canvas, { title }: Report): void {
  const { regular, page } = canvas;
  const text = regular.fitted(regular.printable(title), 9, ROOM);
  canvas.y -= 9;
  page.drawText(text, { x: PAGE.margin, y: canvas.y, size: 9, font: regular.font, color: QUIET });
  canvas.y -= 14;
}

function drawFoot({ regular }: Canvas, page: PDFPage, { date }: Report, number: number, count: number): void {
  const style = { y: PAGE.margin, size: 9, font: regular.font, color: QUIET };
  page.drawText(date, { x: PAGE.margin, ...style });
  const text = `Page ${number} of ${count}`;
  page.drawText(text, { x: PAGE.width - PAGE.margin - regular.width(text, 9), ...style });
}
