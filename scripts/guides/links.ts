import { posix } from "node:path";
import type { Source } from "./chapters.ts";

/** Where a link of a page leads on the site, or the file of the project that it names and the site does not have. */
export type Target =
  | { readonly kind: "page"; readonly page: Source; readonly fragment: string }
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "address"; readonly href: string };

/** Finds the target of a link, as it stands in the file of a page. */
export function targetOf(from: Source, href: string, pages: ReadonlyMap<string, Source>): Target {
  if (/^[a-z]+:/.test(href) || href.startsWith("/")) return { kind: "address", href };
  const [path = "", fragment] = href.split("#");
  const file = path === "" ? from.file : posix.join(posix.dirname(from.file), path);
  const page = pages.get(file);
  if (page) return { kind: "page", page, fragment: fragment === undefined ? "" : `#${fragment}` };
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

/** The page as Markdown whose links lead to the Markdown of other pages. */
export function markdownOf(page: Source, pages: ReadonlyMap<string, Source>): string {
  const link = /\[((?:[^[\]]|\[[^\]]*\])+)\]\(([^)\s]+)\)/g;
  // The site has pages alone: an image of the project is named.
  const image = /!\[([^\]]*)\]\((?![a-z]+:)[^)\s]+\)/g;
  const own = siteAddress(page, "markdown");
  return page.markdown
    .split(/(^ *```.*?^ *```$)/gms)
    .map((part, at) =>
      at % 2 === 1
        ? part
        : part.replace(image, "$1").replace(link, (whole, text: string, href: string) => {
            const target = targetOf(page, href, pages);
            if (target.kind === "address") return whole;
            if (target.kind === "file") return text.includes("/") ? text : `${text} (${target.file})`;
            return `[${text}](${relativeAddress(own, siteAddress(target.page, "markdown"))}${target.fragment})`;
          }),
    )
    .join("");
}
