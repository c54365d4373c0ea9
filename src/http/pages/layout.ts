/** Text that HTML takes for text. */
export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => names[character] ?? character);
}

/** A page for people. */
export interface Page {
  /** The path below which the gateway is mounted; empty at the top of its host. */
  readonly base: string;
  readonly title: string;
  readonly description: string;
  /** HTML of the table of contents, next to the page. */
  readonly contents: string;
  /** HTML. */
  readonly main: string;
}

/** A whole page, with its style inside and no script: it needs nothing from anywhere. */
export function layout({ base, title, description, contents, main }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escapeHtml(description)}">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><a class="name" href="${base}/docs">Ringback</a> <a href="${base}/docs">Reference</a> <a href="${base}/problems">Problems</a> <a href="${base}/openapi.json">OpenAPI</a></header>
<nav aria-label="Contents">${contents}</nav>
<main id="main">${main}</main>
</body>
</html>
`;
}

/** The style of the pages of problems. */
export const STYLE: string = `
:root{--back:#fff;--raised:#f5f6f8;--line:#dfe2e8;--text:#1b1f27;--faint:#5a6372;--link:#0b57c2}
@media(prefers-color-scheme:dark){:root{--back:#12151b;--raised:#1b2029;--line:#313846;--text:#e6e9ef;--faint:#a0a9b8;--link:#83b4ff}}
*{box-sizing:border-box}
html{scroll-padding-top:4rem}
body{margin:0;display:grid;grid-template:auto 1fr/17rem minmax(0,1fr);background:var(--back);color:var(--text);font:16px/1.55 system-ui,sans-serif}
header{grid-column:1/-1;position:sticky;top:0;z-index:1;display:flex;gap:1.25rem;align-items:baseline;padding:.7rem 1.5rem;background:var(--back);border-bottom:1px solid var(--line)}
header .name{font-weight:700;font-size:1.15rem;color:var(--text);margin-right:auto}
nav{position:sticky;top:3.2rem;align-self:start;max-height:calc(100vh - 3.2rem);overflow:auto;padding:1rem 1.5rem 2rem;font-size:.9rem}
nav ul{list-style:none;margin:0 0 .8rem;padding:0}
nav strong{display:block;margin-top:.6rem}
nav li a{display:block;padding:.12rem 0;color:var(--faint)}
nav li a:hover{color:var(--link)}
main{max-width:56rem;padding:1rem 2rem 6rem}
a{color:var(--link);text-decoration:none}
a:hover{text-decoration:underline}
a:focus-visible,summary:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;z-index:2;background:var(--back)}
h1{font-size:1.9rem;line-height:1.2}
h2{margin-top:3.5rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
h3{margin:2.6rem 0 .4rem;font-size:1.15rem}
h4{margin:1.4rem 0 .3rem;font-size:.8rem;color:var(--faint);text-transform:uppercase;letter-spacing:.05em}
code,pre{font:.875em/1.5 ui-monospace,"Cascadia Mono",Menlo,monospace}
code{background:var(--raised);padding:.1em .3em;border-radius:4px;overflow-wrap:anywhere}
pre{background:var(--raised);border:1px solid var(--line);border-radius:8px;padding:.9rem 1rem;overflow:auto}
pre code{background:none;padding:0;overflow-wrap:normal}
table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}
th,td{text-align:left;vertical-align:top;padding:.45rem .8rem .45rem 0;border-bottom:1px solid var(--line)}
th{font-size:.8rem;color:var(--faint);font-weight:600}
td:first-child{white-space:nowrap}
td p{margin:0}
.faint{color:var(--faint);font-size:.9rem}
details{margin:.4rem 0}
summary{cursor:pointer;color:var(--faint)}
@media(max-width:52rem){body{grid-template:auto auto 1fr/minmax(0,1fr)}nav{position:static;max-height:none;border-bottom:1px solid var(--line)}main{padding:1rem 1.25rem 4rem}}
`.trim();
