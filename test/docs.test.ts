import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { PROBLEMS } from "../src/shared/problems.ts";
import { root } from "./support/process.ts";

// What of the pages would rot: names that the source has too, and links.

const read = (path: string): Promise<string> => readFile(join(root, path), "utf8");

/** The first cells of the rows of a Markdown table's text, without their backticks. */
function firstCells(table: string): string[] {
  return [...table.matchAll(/^\| `([^`]+)` *\|/gm)].map(([, cell]) => cell ?? "");
}

/** Every name in the first cells, of which one may hold several. */
function names(table: string): string[] {
  return [...table.matchAll(/^\| (`[^|]+`) *\|/gm)].flatMap(([, cell]) => cell?.match(/[^`, ]+/g) ?? []);
}

describe("README's configuration", () => {
  test("names every variable that src/config/config.ts reads, and no other", async () => {
    const readme = await read("README.md");
    const table = readme.split("<!-- configuration -->")[1]?.split("\n\n")[0] ?? "";
    const schema =
      /const SCHEMA = z\.object\(\{(.*?)\n\}\);/s.exec(await read("src/config/config.ts"))?.[1] ?? "";
    const variables = [...schema.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, name]) => name ?? "");
    expect(variables.length).toBeGreaterThan(20);
    expect(firstCells(table)).toEqual(variables);
  });
});

describe("README's dependencies", () => {
  test("are those of package.json", async () => {
    const { dependencies, devDependencies } = JSON.parse(await read("package.json")) as Record<
      "dependencies" | "devDependencies",
      Record<string, string>
    >;
    const section = (await read("README.md")).split("## Dependencies")[1]?.split("\n## ")[0] ?? "";
    const [deployed = "", tools = ""] = section.split("What builds");
    expect(names(deployed).sort()).toEqual(Object.keys(dependencies).sort());
    expect(names(tools).sort()).toEqual(Object.keys(devDependencies).sort());
  });
});

describe("docs/reference/errors.md", () => {
  test("has a section for every problem", async () => {
    const errors = await read("docs/reference/errors.md");
    const problems = errors.split("## Problems")[1]?.split("\n## ")[0] ?? "";
    const sections = [...problems.matchAll(/^### (\S+)$/gm)].map(([, code]) => code ?? "");
    expect(sections.toSorted()).toEqual(Object.keys(PROBLEMS).sort());
  });

  test("has every code that an attempt to deliver can fail with", async () => {
    const ports = await read("src/ports/ports.ts");
    const declared = /export type FetchFailureCode =([^;]+);/.exec(ports)?.[1] ?? "";
    const answered = [
      ...(await read("src/deliveries/send-webhook.ts")).matchAll(/\bcode: ("[a-z0-9-]+")/g),
    ].map(([, code]) => code ?? "");
    const codes = [...(declared.match(/"[a-z-]+"/g) ?? []), ...answered].map((code) => code.slice(1, -1));
    expect(codes).toEqual(expect.arrayContaining(["dns-failed", "timeout", "http-4xx", "gone"]));
    const table = (await read("docs/reference/errors.md")).split("## Error codes of deliveries")[1] ?? "";
    expect(firstCells(table)).toEqual(expect.arrayContaining([...new Set(codes)]));
  });

  test("has every code that a task of this project can fail with", async () => {
    const table =
      (await read("docs/reference/errors.md")).split("## Error codes of tasks")[1]?.split("\n## ")[0] ?? "";
    const files = await Promise.all(
      ["src/services", "src/task-types", "src/tasks"].map((path) => sources(path)),
    );
    const codes = (await Promise.all(files.flat().map(read))).flatMap((text) =>
      [...text.matchAll(/(?:new TaskError\(|refused\(|\{ code: )\s*"(?!custom)([a-z0-9-]+)"/g)].map(
        ([, code]) => code ?? "",
      ),
    );
    expect(codes).toEqual(expect.arrayContaining(["invalid-csv", "result-too-large"]));
    expect(firstCells(table)).toEqual(expect.arrayContaining([...new Set(codes)]));
  });
});

async function sources(path: string): Promise<string[]> {
  const entries = await readdir(join(root, path), { recursive: true });
  return entries.filter((name) => name.endsWith(".ts")).map((name) => `${path}/${name}`);
}

describe("a link in Markdown", () => {
  test("that is relative leads to a file, and its fragment to a heading", async () => {
    const pages = await markdownPages();
    expect(pages).toEqual(
      expect.arrayContaining(["examples/bulk-mail/README.md", "docs/guides/receivers.md"]),
    );
    const broken = (await Promise.all(pages.map(brokenLinks))).flat();
    expect(broken).toEqual([]);
  });
});

/** Every page that people read: those at the top, and all below docs and examples. */
async function markdownPages(): Promise<string[]> {
  const folders = await Promise.all(
    ["docs", "examples"].map(async (folder) =>
      (await readdir(join(root, folder), { recursive: true })).map((name) => `${folder}/${name}`),
    ),
  );
  const names = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", ...folders.flat()];
  return names.filter((name) => name.endsWith(".md"));
}

describe("docs/README.md", () => {
  test("links to every page below docs", async () => {
    const targets = linkTargets(await read("docs/README.md"));
    const pages = (await markdownPages()).filter(
      (name) => name.startsWith("docs/") && name !== "docs/README.md",
    );
    expect(pages.filter((name) => !targets.includes(name.slice("docs/".length)))).toEqual([]);
  });
});

function linkTargets(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? "");
}

async function brokenLinks(page: string): Promise<string[]> {
  const text = (await read(page)).replace(/^```.*?^```/gms, "");
  const broken: string[] = [];
  for (const target of linkTargets(text).filter((one) => !/^[a-z]+:/.test(one))) {
    const [path = "", fragment] = target.split("#");
    const file = path === "" ? join(root, page) : join(root, dirname(page), path);
    const found = await stat(file).catch(() => undefined);
    if (!found || (fragment && !(await headings(file)).includes(fragment))) broken.push(`${page}: ${target}`);
  }
  return broken;
}

/** The fragments of a page's headings, as GitHub makes them. */
async function headings(file: string): Promise<string[]> {
  const text = (await read(relative(root, file))).replace(/^```.*?^```/gms, "");
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("docs/storage.md", () => {
  test("has every script", async () => {
    const files = await Promise.all((await sources("src/adapters/redis")).map(read));
    const scripts = files.flatMap((text) =>
      [...text.matchAll(/= script\(\s*"([a-zA-Z-]+)"/g)].map(([, name]) => name ?? ""),
    );
    expect(scripts.length).toBeGreaterThan(20);
    const section = (await read("docs/storage.md")).split("## Scripts")[1]?.split("\n## ")[0] ?? "";
    expect(names(section).sort()).toEqual(scripts.sort());
  });
});
