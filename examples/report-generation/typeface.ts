import type { PDFFont } from "pdf-lib";

/**
 * A font that can be asked for any text. DejaVu has the letters of Latin, Greek, Cyrillic, Armenian and Georgian. What it
 * lacks is written without its accent, else as a question mark, and counted.
 */
export class Typeface {
  readonly font: PDFFont;
  readonly #known: ReadonlySet<number>;
  /** Of single characters, at a size of 1: lines are set without kerning. */
  readonly #widths = new Map<string, number>();
  #replaced = 0;

  constructor(font: PDFFont) {
    this.font = font;
    this.#known = new Set(font.getCharacterSet());
  }

  /** How many characters were written otherwise than they are. */
  get replaced(): number {
    return this.#replaced;
  }

  /** The text as this font can write it, in one line. */
  printable(text: string): string {
    const { written, replaced } = this.#write(text);
    this.#replaced += replaced;
    return written;
  }

  /** How wide a text will be once it is {@link printable}, in points; nothing is counted. */
  measured(text: string, size: number): number {
    return this.width(this.#write(text).written, size);
  }

  /** Of a printable text, in points. */
  width(text: string, size: number): number {
    let width = 0;
    for (const character of text) width += this.#widthOf(character);
    return width * size;
  }

  /** A printable text, with an ellipsis for what does not fit. */
  fitted(text: string, size: number, room: number): string {
    if (this.width(text, size) <= room) return text;
    return `${text.slice(0, this.#fitting(text, size, room - this.width("…", size))).trimEnd()}…`;
  }

  /** A printable text in lines, broken between words, or within those that are too long for a line. */
  wrapped(text: string, size: number, room: number, maxLines: number): readonly string[] {
    const lines: string[] = [];
    let rest = text.trim();
    while (lines.length < maxLines - 1 && this.width(rest, size) > room) {
      const end = this.#lineEnd(rest, size, room);
      lines.push(rest.slice(0, end).trimEnd());
      rest = rest.slice(end).trimStart();
    }
    return [...lines, this.fitted(rest, size, room)];
  }

  #lineEnd(text: string, size: number, room: number): number {
    const end = this.#fitting(text, size, room);
    const space = text.lastIndexOf(" ", end);
    return space > 0 ? space : Math.max(1, end);
  }

  /** How many characters of a text fit. */
  #fitting(text: string, size: number, room: number): number {
    let end = 0;
    let left = room / size;
    for (const character of text) {
      left -= this.#widthOf(character);
      if (left < 0) break;
      end += character.length;
    }
    return end;
  }

  #widthOf(character: string): number {
    const known = this.#widths.get(character);
    if (known !== undefined) return known;
    const width = this.font.widthOfTextAtSize(character, 1);
    this.#widths.set(character, width);
    return width;
  }

  #write(text: string): { written: string; replaced: number } {
    let written = "";
    let replaced = 0;
    for (const character of text.normalize("NFC").replace(/\s+/g, " ")) {
      if (this.#has(character)) {
        written += character;
      } else {
        const [letter = ""] = character.normalize("NFKD");
        written += this.#has(letter) ? letter : "?";
        replaced += 1;
      }
    }
    return { written, replaced };
  }

  #has(character: string): boolean {
    return this.#known.has(character.codePointAt(0) ?? 0);
  }
}
