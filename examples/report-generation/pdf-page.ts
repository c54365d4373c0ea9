import { type PDFPage, rgb } from "pdf-lib";
import type { Typeface } from "./typeface.ts";

/** A4 in points; everything is drawn between the margins. */
export const PAGE = { width: 595.28, height: 841.89, margin: 48 } as const;

/** The room between the margins. */
export const ROOM: number = PAGE.width - 2 * PAGE.margin;

export const INK = rgb(0.11, 0.14, 0.19);
export const QUIET = rgb(0.36, 0.4, 0.46);

/** Where the next thing is drawn. */
export interface Canvas {
  readonly regular: Typeface;
  readonly bold: Typeface;
  page: PDFPage;
  /** The upper edge of what is still free, counted from the page's foot. */
  y: number;
  /** Goes on with a new page. */
  turn(): void;
}

/** The lowest point that a page's content may reach; below it is the foot. */
export const FLOOR: number = PAGE.margin + 24;
