import { readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { nameOf } from "../../scripts/guides/chapters.ts";
import { slug } from "../../scripts/guides/links.ts";
import { guideImages, guidePages } from "../../scripts/guides/site.ts";
import { root } from "../support/process.ts";

/** The site, by file name from its top. */
let files: Readonly<Record<string, string>>;
let images: Readonly<Record<string, Uint8Array>>;
/** Addresses that the gateway serves from elsewhere. */
const ELSEWHERE = new Set(["docs", "problems", "openapi.json"]);

beforeAll(async () => {
  [files, images] = await Promise.all([guidePages(), guideImages()]);
});

const htmlFiles = () => Object.entries(files).filter(([name]) => name.endsWith(".html"));
const markdownFiles = () => Object.entries(files).filter(([name]) => name.endsWith(".md"));

const withoutCode = (text: string) => text.replace(/^ *```.*?^ *```$/gms, "");

/** Where a relative link of a page leads, from the top of the site. */
function resolve(page: string, target: string): { path: string; fragment: string } {
  const [path = "", fragment = ""] = target.split("#");
  return { path: path === "" ? page : posix.join(posix.dirname(page), path), fragment };
}

describe("the documentation as a site", () => {
  test("has every page below docs, as HTML and as Markdown", async () => {
    const names = (await readdir(join(root, "docs"), { recursive: true })).filter((name) =>
      name.endsWith(".md"),
    );
    expect(names.length).toBeGreaterThan(40);
    const wanted = names.map((name) => nameOf(`docs/${name}`)).filter((name) => name !== "");
    expect(wanted.filter((name) => !(`docs/guides/${name}.html` in files))).toEqual([]);
    expect(wanted.filter((name) => !(`docs/guides/${name}.md` in files))).toEqual([]);
    expect(Object.keys(files)).toEqual(expect.arrayContaining(["docs/guides.html", "docs/guides/index.md"]));
  });

  test("has no page whose name is that of a file or folder of the site", () => {
    expect(htmlFiles().filter(([name]) => /guides\/(search|style)\.html$/.test(name))).toEqual([]);
  });

  test("links only to pages and headings that there are, by relative addresses", () => {
    const broken: string[] = [];
    let count = 0;
    for (const [file, html] of htmlFiles()) {
      const page = file.replace(/\.html$/, "");
      for (const [, target = ""] of html.matchAll(/ (?:href|src)="([^"]*)"/g)) {
        if (/^(https?:|mailto:|data:)/.test(target)) continue;
        count += 1;
        const { path, fragment } = resolve(page, target);
        const found = files[path] ?? files[`${path}.html`];
        const hasFragment = fragment === "" || found?.includes(` id="${fragment}"`);
        const isThere = ELSEWHERE.has(path) || path in images || (found !== undefined && hasFragment);
        if (target.startsWith("/") || !isThere) broken.push(`${file}: ${target}`);
      }
    }
    expect(count).toBeGreaterThan(1_000);
    expect(broken).toEqual([]);
  });

  test("links in Markdown only to Markdown of the site, and to headings that there are", () => {
    const broken: string[] = [];
    for (const [file, text] of markdownFiles()) {
      const prose = withoutCode(text);
      for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const { path, fragment } = resolve(file, target);
        if (path in images) continue;
        const headings = [...(files[path] ?? "").matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
          slug(title.replace(/\[([^\]]+)\]\([^)]*\)/g, "$1")),
        );
        if (!path.endsWith(".md") || files[path] === undefined || (fragment && !headings.includes(fragment)))
          broken.push(`${file}: ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });

  test("shows the images of its pages, as pages and in Markdown", async () => {
    const addresses = Object.keys(images);
    for (const file of ["docs/images/console-overview.webp", "docs/reports/performance.svg"])
      expect(images[`docs/guides/images/${posix.basename(file)}`]).toEqual(await readFile(join(root, file)));
    expect(files["docs/guides/console.html"]).toContain(
      '<img src="images/console-overview.webp" alt="The overview" loading="lazy">',
    );
    expect(files["docs/guides/console.md"]).toContain("![The overview](images/console-overview.webp)");
    expect(files["docs/guides/reports/performance.html"]).toContain('<img src="../images/performance.svg"');
    // An image may be the text of a link.
    expect(files["docs/guides/readme.html"]).toMatch(
      /<a href="console"><img src="images\/console-overview\.webp" [^>]+><\/a>/,
    );
    expect(files["docs/guides/readme.md"]).toContain(
      "[![The console's overview](images/console-overview.webp)](console.md)",
    );
    const shown = htmlFiles().flatMap(([file, html]) =>
      [...html.matchAll(/<img src="([^"]+)"/g)].map(([, source = ""]) => resolve(`${file}`, source).path),
    );
    expect([...new Set(shown)].toSorted()).toEqual(addresses.toSorted());
  });

  test("has the links of a page that keeps its addresses at its end", () => {
    expect(files["docs/guides/reports/comparison.md"]).toContain(
      "[pricing](https://www.svix.com/pricing/), 20 Sep 2026",
    );
    expect(files["docs/guides/security.md"]).toContain("[embedding](embed.md)");
    const left = markdownFiles().filter(([, text]) => /^\[[^\]]+\]: |\]\[/m.test(withoutCode(text)));
    expect(left.map(([name]) => name)).toEqual([]);
  });

  test("has no script or style inside a page, and nothing of another host", () => {
    for (const [file, html] of htmlFiles()) {
      const markup = html.replace(/<pre[^>]*>.*?<\/pre>/gs, "").replace(/<code>.*?<\/code>/gs, "");
      expect(
        markup.match(/<script(?! type="module" src="[^":]+"><)|<style|<[^>]* (?:style|on\w+)=/g),
        file,
      ).toBeNull();
      expect(markup.match(/<(?:img|script|link|iframe)[^>]* (?:src|href)="https?:/g), file).toBeNull();
    }
  });

  test("has an example with its files, because a reader of the site has no repository", () => {
    const text = files["docs/guides/examples/bulk-mail.md"] ?? "";
    expect(text).toContain("### mailer.ts");
    expect(text).toContain("[mailer.ts](bulk-mail.md#mailerts)");
    expect(text).toContain('defineTask({\n    type: "mail.send"');
  });

  test("lists every page for programs", () => {
    const links = [...(files["llms.txt"] ?? "").matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target);
    expect(links.filter((link) => link?.endsWith(".md")).toSorted()).toEqual(
      markdownFiles()
        .map(([name]) => name)
        .toSorted(),
    );
  });

  test("links the first pages in the introduction for programs, each at a heading that there is", () => {
    const [introduction = ""] = (files["llms.txt"] ?? "").split("\n## ");
    const links = [...introduction.matchAll(/\]\(([^)#]+\.md)#([^)]+)\)/g)];
    expect(links.length).toBeGreaterThan(3);
    for (const [, path = "", fragment] of links) {
      const headings = [...(files[path] ?? "").matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => slug(title));
      expect(headings, path).toContain(fragment);
    }
  });

  test("says on each page whose commands use variables where they are set, after its answer", () => {
    const pages = markdownFiles().filter(
      ([name, text]) => text.includes("$URL") && !/\/(?:index|readme)\.md$|\/examples/.test(name),
    );
    expect(pages.length).toBeGreaterThan(30);
    for (const [name, text] of pages) {
      const index = name.split("/").length === 3 ? "index.md" : "../index.md";
      const note = `> The commands use \`$URL\` and \`$KEY\`: [set them once](${index}#variables-of-the-commands).`;
      expect(text.split("\n\n").slice(1, 3), name).toContain(note);
    }
    expect(files["docs/guides/idempotency.html"]).toContain('<a href="../guides#variables-of-the-commands">');
  });

  test("can be searched: each heading of each page is an entry with its words", () => {
    const entries = JSON.parse(files["docs/guides/search.json"] ?? "[]") as {
      heading: string;
      address: string;
      words: string;
    }[];
    const broken = entries.filter(({ address }) => {
      const { path, fragment } = resolve("docs/guides/search.js", address);
      const html = files[`${path}.html`];
      return html === undefined || (fragment !== "" && !html.includes(` id="${fragment}"`));
    });
    expect(broken).toEqual([]);
    expect(entries.find(({ heading }) => heading === "The probe")?.words).toMatch(
      /sends a message through QStash/,
    );
    expect(entries.filter(({ words }) => words.includes("<!--"))).toEqual([]);
  });
});
