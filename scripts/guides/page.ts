import { escapeHtml, STYLE } from "../../src/http/pages/layout.ts";
import type { Chapter, Source } from "./chapters.ts";
import { relativeAddress, siteAddress } from "./links.ts";
import type { Rendered } from "./render.ts";

/** A page of the site as a document. Its links are relative, its style and its script are files next to it. */
export function pageHtml(page: Source, rendered: Rendered, chapters: readonly Chapter[]): string {
  const own = siteAddress(page, "html");
  const asMarkdown = relativeAddress(own, siteAddress(page, "markdown"));
  const top = "../".repeat(own.split("/").length - 1);
  const title = page.name === "" ? "Ringback documentation" : `${plain(page.title)} – Ringback`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escapeHtml(summaryOf(page))}">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${top}docs/guides/style.css">
<link rel="alternate" type="text/markdown" href="${asMarkdown}">
<title>${escapeHtml(title)}</title>
<script type="module" src="${top}docs/guides/search.js"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><a class="name" href="${top}docs/guides">Ringback</a> <a href="${top}docs/guides">Guides</a> <a href="${top}docs">API</a> <a href="${top}problems">Problems</a></header>
<aside>
<form role="search" hidden><label for="search">Search</label><input id="search" type="search" autocomplete="off" placeholder="Search all pages"></form>
<div id="results" role="status" hidden></div>
<details class="contents"><summary>All pages</summary><nav aria-label="Pages">${navigation(page, chapters)}</nav></details>
</aside>
<main id="main">${rendered.html}<p class="faint"><a href="${asMarkdown}">This page as Markdown</a></p></main>
</body>
</html>
`;
}

function navigation(page: Source, chapters: readonly Chapter[]): string {
  const own = siteAddress(page, "html");
  return chapters
    .map(({ title, pages }) => {
      const items = pages.map((one) => {
        const current = one === page ? ' aria-current="page"' : "";
        return `<li><a href="${relativeAddress(own, siteAddress(one, "html"))}"${current}>${escapeHtml(plain(one.title))}</a></li>`;
      });
      return `<strong>${escapeHtml(title)}</strong><ul>${items.join("")}</ul>`;
    })
    .join("");
}

/** A title without the marks of code. */
export function plain(title: string): string {
  return title.replaceAll("`", "");
}

/** The first paragraph of a page in one line, without its links, up to a sentence that only announces an example. */
export function summaryOf({ markdown }: Source): string {
  const paragraphs = markdown.split(/\n\s*\n/);
  const first = paragraphs.find((text) => !/^(?:[#>]|```|<!--|[-|*] |\d\. )/.test(text)) ?? "";
  const text = first.replace(/\[([^\]]+)\]\([^)]*\)/g, "$1").replace(/[`*]/g, "");
  return text
    .replace(/\s+/g, " ")
    .replace(/(^|\. )[^.]*:$/, "$1")
    .trim();
}

/** The style of all pages of the site: that of the pages of problems, and the parts that those lack. */
export const SITE_STYLE = `${STYLE}
body{grid-template:auto auto 1fr/19rem minmax(0,1fr)}
aside{grid-column:1;grid-row:2/4;position:sticky;top:3.2rem;align-self:start;max-height:calc(100vh - 3.2rem);overflow:auto;padding:1rem 1.25rem 2rem 1.5rem;font-size:.9rem}
main{grid-column:2;grid-row:2/4;min-width:0}
aside nav{position:static;max-height:none;padding:.5rem 0 0}
form[role=search] label{display:block;font-weight:600;margin-bottom:.2rem}
input[type=search]{width:100%;font:inherit;padding:.4rem .6rem;border:1px solid var(--line);border-radius:6px;background:var(--raised);color:var(--text)}
input[type=search]:focus-visible{outline:2px solid var(--link);outline-offset:1px}
#results{margin-top:.6rem}
#results ol{list-style:none;margin:0;padding:0}
#results li{padding:.45rem 0;border-bottom:1px solid var(--line)}
#results a{display:block;font-weight:600}
#results p{margin:.1rem 0 0;color:var(--faint);overflow-wrap:anywhere}
nav [aria-current]{color:var(--link);font-weight:600}
.contents{margin-top:.8rem}
.file{border-bottom:1px dotted var(--faint)}
h1{overflow-wrap:anywhere}
.anchor{color:inherit}
main img{max-width:100%;height:auto}
td:first-child{white-space:normal}
td code{overflow-wrap:anywhere}
@media(min-width:52.01rem){.contents>summary{display:none}}
@media(max-width:52rem){body{grid-template:auto auto 1fr/minmax(0,1fr)}aside{grid-row:2;position:static;max-height:none;padding:.8rem 1.25rem;border-bottom:1px solid var(--line)}main{grid-column:1;grid-row:3}aside nav{border:0}header{flex-wrap:wrap;gap:.3rem .9rem;padding:.7rem 1.25rem}}
`;
