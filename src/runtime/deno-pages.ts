import type { Assets } from "../http/routes/pages/static.ts";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  md: "text/markdown; charset=utf-8",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  webp: "image/webp",
};

/** From the source and from the package alike. */
const FOLDER = "../../dist/assets";

/** The pages that the build wrote, found as Cloudflare finds them: `/docs` is `docs.html` or `docs/index.html`. */
export const pages: Assets = {
  async fetch(request) {
    const path = new URL(request.url).pathname.replace(/\/$/, "");
    // An encoded slash could lead elsewhere, and a name longer than the disk allows is an error of the disk.
    if (path.length > 200 || !/^(\/[\w.-]*\w)+$/.test(path) || path.endsWith(".html"))
      return new Response(null, { status: 404 });
    for (const name of [path, `${path}.html`, `${path}/index.html`]) {
      const type = TYPES[name.split(".").at(-1) ?? ""];
      const file = type && (await open(new URL(FOLDER + name, import.meta.url)));
      if (file) return new Response(file.body, { headers: { "content-type": type, etag: file.etag } });
    }
    return new Response(null, { status: 404 });
  },
};

interface AssetFile {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly etag: string;
}

/** A file and the tag of this version of it: its size and time, because a build writes every file again. */
async function open(path: URL): Promise<AssetFile | undefined> {
  try {
    const file = await Deno.open(path);
    const { isFile, size, mtime } = await file.stat();
    if (isFile) return { body: file.readable, etag: `"${size}-${mtime?.getTime() ?? 0}"` };
    file.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
}
