import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "../../src/local/root.ts";
import { type Chapter, readChapters, type Source } from "./chapters.ts";
import { imagesOf, markdownOf, siteAddress } from "./links.ts";
import { pageHtml, plain, SITE_STYLE, summaryOf } from "./page.ts";
import { type Rendered, render } from "./render.ts";

/**
 * The documentation as a site, by file name: each page for people and as Markdown, the search, and the list of all pages
 * for programs (https://llmstxt.org).
 */
export async function guidePages(): Promise<Readonly<Record<string, string>>> {
  const chapters = await readChapters();
  const all = chapters.flatMap(({ pages }) => pages);
  const pages = new Map(all.map((page) => [page.file, page]));
  const rendered = new Map(all.map((page) => [page, render(page, pages)]));
  const files: Record<string, string> = {
    "docs/guides/style.css": SITE_STYLE,
    "docs/guides/search.js": await searchScript(),
    "docs/guides/search.json": JSON.stringify(
      [...rendered].flatMap(searchEntries).map((one, id) => ({ id, ...one })),
    ),
    "llms.txt": listForPrograms(chapters),
  };
  for (const [page, html] of rendered) {
    files[`${siteAddress(page, "html")}.html`] = pageHtml(page, html, chapters);
    files[siteAddress(page, "markdown")] = markdownOf(page, pages);
  }
  return files;
}

/** The images that the pages show, by file name from the top of the site. */
export async function guideImages(): Promise<Readonly<Record<string, Uint8Array>>> {
  const all = (await readChapters()).flatMap(({ pages }) => pages);
  const pages = new Map(all.map((page) => [page.file, page]));
  const shown = new Map<string, string>();
  for (const { address, file } of all.flatMap((page) => imagesOf(page, pages))) {
    const other = shown.get(address) ?? file;
    if (other !== file)
      throw new Error(`${file} and ${other} have the same name, and the site has one folder`);
    shown.set(address, file);
  }
  const files = [...shown].map(
    async ([address, file]) => [address, await readFile(join(root, file))] as const,
  );
  return Object.fromEntries(await Promise.all(files));
}

/** What the search finds: each section, under an address next to the script's. A program is found by its name alone. */
function searchEntries([page, { sections }]: readonly [Source, Rendered]) {
  const address = page.name === "" ? "../guides" : page.name;
  return sections.map(({ id, text, depth, words }) => ({
    title: plain(page.title),
    heading: text,
    words: /^[\w-]+\.ts$/.test(text) ? "" : words,
    address: depth === 1 ? address : `${address}#${id}`,
  }));
}

async function searchScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, "scripts/guides/search-client.mjs")],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "error",
  });
  return outputFiles[0]?.text ?? "";
}

/** The addresses are relative here; the gateway makes them absolute. */
function listForPrograms(chapters: readonly Chapter[]): string {
  const parts = chapters.map(({ title, pages }) => {
    const lines = pages.map(
      (page) => `- [${plain(page.title)}](${siteAddress(page, "markdown")}): ${summaryOf(page)}`,
    );
    return `## ${title}\n\n${lines.join("\n")}\n`;
  });
  return `# Ringback

> An HTTP gateway that makes slow work asynchronous: 202 now, a signed callback when the work is done. It runs on
> Cloudflare Workers or Deno, with Upstash Redis and QStash.

Every page below is Markdown. Start with [a project of your own](docs/guides/new-project.md#1-install): it installs the
package, runs a gateway on your machine, submits a task and shows the callback. The commands of the pages use
[variables](docs/guides/index.md#variables-of-the-commands), which you set once. To write a program that uses a gateway,
read [the client](docs/guides/reference/client.md#calls) and [the receiver](docs/guides/receivers.md#the-event), and an
example with its files. The API is described by [OpenAPI](openapi.json).

${parts.join("\n")}`;
}
