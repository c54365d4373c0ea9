import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A word on a page; points from the page's upper left corner. */
export interface Word {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A page as Poppler renders it. */
export interface Page {
  readonly width: number;
  readonly height: number;
  /** From the top to the bottom, and in a line from left to right. */
  readonly words: readonly Word[];
  /** Its lines as they stand on the page. */
  readonly text: string;
  /** Three bytes a pixel, red, green and blue; a pixel is a point. */
  readonly pixels: Uint8Array;
}

/** Reads and draws a PDF as a program that people read it with would. */
export async function pagesOf(pdf: Uint8Array): Promise<Page[]> {
  const folder = await mkdtemp(join(tmpdir(), "ringback-pdf-"));
  try {
    const file = join(folder, "report.pdf");
    await writeFile(file, pdf);
    const big = { maxBuffer: 64 * 1024 * 1024 };
    const boxes = await run("pdftotext", ["-bbox", file, "-"], big);
    const texts = (await run("pdftotext", ["-layout", file, "-"], big)).stdout.split("\f");
    await run("pdftoppm", ["-r", "72", file, join(folder, "page")]);
    const pictures = (await readdir(folder)).filter((name) => name.endsWith(".ppm")).toSorted();
    const found = [...boxes.stdout.matchAll(/<page width="([\d.]+)" height="([\d.]+)">(.*?)<\/page>/gs)];
    return await Promise.all(
      found.map(async ([, width, height, words = ""], index) => ({
        width: Number(width),
        height: Number(height),
        words: wordsOf(words),
        text: texts[index] ?? "",
        pixels: pixelsOf(await readFile(join(folder, pictures[index] ?? ""))),
      })),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function wordsOf(boxes: string): Word[] {
  const box = /<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)<\/word>/g;
  const words = [...boxes.matchAll(box)].map(([, left, top, right, bottom, text = ""]) => ({
    text: text
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&amp;", "&"),
    left: Number(left),
    right: Number(right),
    top: Number(top),
    bottom: Number(bottom),
  }));
  return words.toSorted((one, other) => one.top - other.top || one.left - other.left);
}

/** The data after the head of a binary PPM. */
function pixelsOf(ppm: Buffer): Uint8Array {
  const head = /^P6\s+\d+\s+\d+\s+255\s/.exec(ppm.subarray(0, 40).toString("latin1"));
  if (!head) throw new Error("this is no PPM");
  return ppm.subarray(head[0].length);
}
