import { Marked, type Token, type Tokens } from "marked";
import { escapeHtml } from "../../src/http/pages/layout.ts";
import type { Source } from "./chapters.ts";
import { relativeAddress, siteAddress, slug, type Target, targetOf } from "./links.ts";

/** A heading of a page below its title. */
export interface Heading {
  readonly id: string;
  readonly text: string;
  readonly depth: number;
}

/** The text under one heading, for the search. */
export interface Section extends Heading {
  readonly words: string;
}

export interface Rendered {
  readonly html: string;
  readonly sections: readonly Section[];
}

/** Renders a page as HTML whose links lead to other pages of the site. A file that the site lacks is named, not linked. */
export function render(page: Source, pages: ReadonlyMap<string, Source>): Rendered {
  const own = siteAddress(page, "html");
  const ids = uniqueIds();
  const headings: Heading[] = [];
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const text = plainText(tokens);
        const id = ids(text);
        headings.push({ id, text, depth });
        const inner = this.parser.parseInline(tokens);
        if (depth === 1) return `<h1 id="${id}">${inner}</h1>\n`;
        return `<h${depth} id="${id}"><a class="anchor" href="#${id}">${inner}</a></h${depth}>\n`;
      },
      link({ href, tokens }) {
        const inner = this.parser.parseInline(tokens);
        const target = targetOf(page, href, pages);
        if (target.kind === "file")
          return `<span class="file" title="${escapeHtml(target.file)}">${inner}</span>`;
        return `<a href="${escapeHtml(addressOf(target, own))}">${inner}</a>`;
      },
      image({ href, text }) {
        const target = targetOf(page, href, pages);
        // An image of another host would be blocked by the policy of the page.
        if (target.kind !== "image")
          throw new Error(`${page.file}: ${href} is no image that the site can show`);
        return `<img src="${escapeHtml(addressOf(target, own))}" alt="${escapeHtml(text)}" loading="lazy">`;
      },
      // A wide block scrolls, and a reader without a mouse must be able to reach it.
      code({ text, lang }) {
        const name = lang ? ` class="language-${escapeHtml(lang.split(" ")[0] ?? "")}"` : "";
        return `<pre tabindex="0"><code${name}>${escapeHtml(text)}\n</code></pre>\n`;
      },
    },
  });
  const html = marked.parse(page.markdown, { async: false });
  return { html, sections: sectionsOf(marked.lexer(page.markdown), headings) };
}

function addressOf(target: Exclude<Target, { kind: "file" }>, from: string): string {
  switch (target.kind) {
    case "address":
      return target.href;
    case "image":
      return relativeAddress(from, target.address);
    case "page":
      return relativeAddress(from, siteAddress(target.page, "html")) + target.fragment;
  }
}

/** Makes each heading's fragment; a second heading of the same text gets a number, as on GitHub. */
function uniqueIds(): (text: string) => string {
  const seen = new Map<string, number>();
  return (text) => {
    const id = slug(text);
    const count = seen.get(id) ?? 0;
    seen.set(id, count + 1);
    return count === 0 ? id : `${id}-${count}`;
  };
}

/** The page's text, cut at its headings. */
function sectionsOf(tokens: readonly Token[], headings: readonly Heading[]): Section[] {
  const texts: string[][] = [];
  for (const token of tokens) {
    if (token.type === "heading") texts.push([]);
    else texts.at(-1)?.push(plainText([token]));
  }
  return headings.map((heading, at) => ({
    ...heading,
    words: (texts[at] ?? []).join(" ").replace(/\s+/g, " ").trim(),
  }));
}

/** The words of tokens without their markup. */
function plainText(tokens: readonly Token[]): string {
  return tokens.map(textOf).join("");
}

function textOf(token: Token): string {
  if (token.type === "html" || token.type === "space") return " ";
  if (token.type === "table") {
    const { header, rows } = token as Tokens.Table; // its type says so
    return [header, ...rows].map((row) => row.map((cell) => plainText(cell.tokens)).join(" ")).join(" ");
  }
  if (token.type === "list")
    return (token as Tokens.List).items.map((item) => plainText(item.tokens)).join(" ");
  if ("tokens" in token && token.tokens) return plainText(token.tokens);
  return "text" in token && typeof token.text === "string" ? token.text : "";
}
