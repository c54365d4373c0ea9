import { posix } from "node:path";
import type { Source } from "./chapters.ts";

/** Where a link of a page leads on the site, or the file of the project that it names and the site does not have. */
export type Target =
  | { readonly kind: "page"; readonly page: Source; readonly fragment: string }
  | { readonly kind: "image"; readonly file: string; readonly address: string }
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "address"; readonly href: string };

/** The kinds of images that the site shows. src/runtime/deno-pages.ts has their media types. */
const IMAGE = /\.(svg|webp|png)$/;

const CODE_BLOCK = /(^ *```.*?^ *```$)/gms;
/** A line that says where the links with a label lead: `[label]: target`. */
const DEFINITION = /^\[([^\]]+)\]: (\S+)\n?/gm;

/** Finds the target of a link, as it stands in the file of a page. */
export function targetOf(from: Source, href: string, pages: ReadonlyMap<string, Source>): Target {
  if (/^[a-z]+:/.test(href) || href.startsWith("/")) return { kind: "address", href };
  const [path = "", fragment] = href.split("#");
  const file = path === "" ? from.file : posix.join(posix.dirname(from.file), path);
  const page = pages.get(file);
  if (page) return { kind: "page", page, fragment: fragment === undefined ? "" : `#${fragment}` };
  if (IMAGE.test(file)) return { kind: "image", file, address: `docs/guides/images/${posix.basename(file)}` };
  // The program of an example is part of its page.
  const example = file.endsWith(".ts") && pages.get(`${posix.dirname(file)}/README.md`);
  if (example) return { kind: "page", page: example, fragment: `#${slug(posix.basename(file))}` };
  return { kind: "file", file };
}

/** The relative address of another page of the site. No address has a leading slash, so the site works under any path. */
export function relativeAddress(from: string, to: string): string {
  return posix.relative(posix.dirname(from), to) || `../${posix.basename(to)}`;
}

/** The address of a page from the top of the site. */
export function siteAddress({ name }: Source, kind: "html" | "markdown"): string {
  const path = kind === "markdown" ? `${name || "index"}.md` : name;
  return path === "" ? "docs/guides" : `docs/guides/${path}`;
}

/** The fragment of a heading, as GitHub makes it. */
export function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** The images that a page shows or links to. */
export function imagesOf(page: Source, pages: ReadonlyMap<string, Source>) {
  const links = inlineTargets(page.markdown)
    .replace(CODE_BLOCK, "")
    .matchAll(/\]\(([^)\s]+)\)/g);
  return [...links]
    .map(([, href = ""]) => targetOf(page, href, pages))
    .filter((target) => target.kind === "image");
}

/** Writes the target of each link into it: a link by label, `[label]` or `[text][label]`, needs no definition then. */
function inlineTargets(markdown: string): string {
  const targets = new Map(
    [...markdown.matchAll(DEFINITION)].map(([, label = "", target = ""]) => [label.toLowerCase(), target]),
  );
  return outsideCode(markdown, (text) =>
    text
      .replace(DEFINITION, "")
      .replace(
        /(?<!\])\[([^\][]+)\](?:\[([^\]]+)\])?(?!\()/g,
        (whole: string, inner: string, label = inner) => {
          const target = targets.get(label.toLowerCase());
          return target === undefined ? whole : `[${inner}](${target})`;
        },
      ),
  );
}

function outsideCode(markdown: string, change: (text: string) => string): string {
  return markdown
    .split(CODE_BLOCK)
    .map((part, at) => (at % 2 === 1 ? part : change(part)))
    .join("");
}

/** The page as Markdown whose links lead to the Markdown of other pages. */
export function markdownOf(page: Source, pages: ReadonlyMap<string, Source>): string {
  const link = /\[((?:[^[\]]|\[[^\]]*\])+)\]\(([^)\s]+)\)/g;
  const own = siteAddress(page, "markdown");
  // The text of a link may be an image.
  const change = (part: string): string =>
    part.replace(link, (_, inner: string, href: string) => {
      const text = change(inner);
      const target = targetOf(page, href, pages);
      switch (target.kind) {
        case "address":
          return `[${text}](${target.href})`;
        case "image":
          return `[${text}](${relativeAddress(own, target.address)})`;
        case "page":
          return `[${text}](${relativeAddress(own, siteAddress(target.page, "markdown"))}${target.fragment})`;
        case "file":
          return text.includes("/") ? text : `${text} (${target.file})`;
      }
    });
  return outsideCode(inlineTargets(page.markdown), change);
}
