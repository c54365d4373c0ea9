import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { PROBLEMS } from "../src/shared/problems.ts";
import { BREAKS } from "./faults/breaks.ts";
import { INVARIANTS } from "./faults/checker.ts";
import { AVOIDED, RELATIVE_START, textsOf } from "./support/language.ts";
import {
  brokenLinks,
  cells,
  DEFINITION,
  findings,
  headings,
  labels,
  linkTargets,
  markdownPages,
  prose,
  read,
  withoutCode,
} from "./support/markdown.ts";
import { root } from "./support/process.ts";

// Compares the pages with the source: names and links. Holds both to the language rules.

/** The first cells of the rows of a Markdown table's text, without their backticks. */
function firstCells(table: string): string[] {
  return [...table.matchAll(/^\| `([^`]+)` *\|/gm)].map(([, cell]) => cell ?? "");
}

/** Every name in the first cells, of which one may hold several. */
function names(table: string): string[] {
  return [...table.matchAll(/^\| (`[^|]+`) *\|/gm)].flatMap(([, cell]) => cell?.match(/[^`, ]+/g) ?? []);
}

describe("docs/reference/configuration.md", () => {
  test("names every variable that src/config/config.ts reads, and no other", async () => {
    const page = await read("docs/reference/configuration.md");
    const table = page.split("<!-- configuration -->")[1]?.split("\n\n")[0] ?? "";
    const schema =
      /const SCHEMA = z\.object\(\{(.*?)\n\}\);/s.exec(await read("src/config/config.ts"))?.[1] ?? "";
    const variables = [...schema.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, name]) => name ?? "");
    expect(variables.length).toBeGreaterThan(20);
    expect(firstCells(table)).toEqual(variables);
  });
});

describe("CONTRIBUTING's dependencies", () => {
  for (const [kind, part] of [
    ["dependencies", 0],
    ["devDependencies", 1],
  ] as const) {
    test(`give a reason for each of package.json's ${kind}, and for no other package`, async () => {
      const installed = JSON.parse(await read("package.json")) as Record<typeof kind, Record<string, string>>;
      const section = (await read("CONTRIBUTING.md")).split("## Dependencies")[1]?.split("\n## ")[0] ?? "";
      const table = section.split("What builds")[part] ?? "";
      const explained = table.split("\n").filter((row) => /\| [^|]*[a-z]{3}[^|]* \|$/.test(row));
      const known = names(explained.join("\n"));
      const packages = Object.keys(installed[kind]);
      const message = 'CONTRIBUTING.md, "Dependencies", has no reason for these';
      expect(
        packages.filter((name) => !known.includes(name)),
        message,
      ).toEqual([]);
      expect(
        names(table).filter((name) => !packages.includes(name)),
        "package.json lacks these",
      ).toEqual([]);
    });
  }
});

describe("a message about layers", () => {
  test("names the heading of a page that explains it", async () => {
    const path = pathToFileURL(join(root, ".dependency-cruiser.mjs")).href;
    const { default: config } = (await import(path)) as { default: { forbidden: { comment: string }[] } };
    expect(config.forbidden.length).toBeGreaterThan(20);
    for (const { comment } of config.forbidden) {
      const [, page = "", heading = ""] = / ([\w/]+\.md)#([\w-]+)\.$/.exec(comment) ?? [];
      expect(page === "" ? [] : await headings(join(root, page)), comment).toContain(heading);
    }
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
    const ports = await read("src/ports/fetcher.ts");
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

  test("that names its target has a definition, and each definition is used once or more", async () => {
    const loose = await findings((text) => {
      const defined = [...text.matchAll(DEFINITION)].map(([, label = ""]) => label.toLowerCase());
      const named = labels(text).map((label) => label.toLowerCase());
      return [
        ...named.filter((label) => !defined.includes(label)).map((label) => `[${label}] has no definition`),
        ...defined.filter((label) => !named.includes(label)).map((label) => `[${label}] is not used`),
      ];
    });
    expect(loose).toEqual([]);
  });
});

describe("a page below docs", () => {
  test("asks one question in its title, and shows a command or an example", async () => {
    const pages = (await markdownPages()).filter((name) => /^docs\/(?!README)/.test(name));
    const texts = await Promise.all(pages.map(async (page) => ({ page, text: await read(page) })));
    const others = texts.filter(({ text }) => !/^# [^\n]+\?\n/.test(text) || !text.includes("```"));
    expect(others.map(({ page }) => page)).toEqual([]);
  });
});

describe("docs/README.md", () => {
  test("links to every page below docs", async () => {
    const targets = linkTargets(await read("docs/README.md"));
    const pages = (await markdownPages()).filter(
      (name) => name.startsWith("docs/") && name !== "docs/README.md",
    );
    expect(pages.filter((name) => !targets.includes(name.slice("docs/".length)))).toEqual([]);
  });
});

describe("a page", () => {
  test("of README's kind is read in one go: at most 250 lines", async () => {
    const lines = (await read("README.md")).trimEnd().split("\n").length;
    expect(lines, "README is for the first half hour; details belong in docs/").toBeLessThanOrEqual(250);
  });

  test("has no line over 120 columns, tables left out", async () => {
    const long = await findings((text) =>
      text.split("\n").filter((line) => line.length > 120 && !line.startsWith("|")),
    );
    expect(long, "a longer line is hard to read in a diff").toEqual([]);
  });

  test("has no table row over 160 columns", async () => {
    const long = await findings((text) =>
      text.split("\n").filter((line) => line.length > 160 && /^ *\|/.test(line)),
    );
    expect(long, "write sentences or a list below the table; put long addresses at the page's end").toEqual(
      [],
    );
  });

  test("has no table cell that holds a paragraph", async () => {
    const long = await findings((text) => cells(text).filter((cell) => cell.length > 120));
    expect(long, "a table is for looking up; write sentences below it").toEqual([]);
  });

  test("has none of the words that style forbids", async () => {
    const words = await findings((text) => withoutCode(text).replaceAll("\n", " ").match(AVOIDED) ?? []);
    expect(words).toEqual([]);
  });

  test("has no sentence that begins with a relative clause", async () => {
    const sentences = await findings((text) => {
      const paragraphs = prose(text)
        .replace(/^#.*$/gm, "")
        .split(/\n\s*\n|\n(?=[-*\d])/);
      return paragraphs.flatMap((one) => one.replace(/\s+/g, " ").trim().match(RELATIVE_START) ?? []);
    });
    expect(sentences).toEqual([]);
  });
});

describe("what the storm shows", () => {
  test("docs/reference/promises.md has every promise that the checker holds", async () => {
    const section =
      (await read("docs/reference/promises.md")).split("## Promises")[1]?.split("\n## ")[0] ?? "";
    const promises = [...section.matchAll(/^\| ([^|]+?) \|/gm)].map(([, name]) => name ?? "").slice(2);
    expect(promises.toSorted()).toEqual(INVARIANTS.toSorted());
  });

  test("docs/reports/reliability.md has every break", async () => {
    const table = (await read("docs/reports/reliability.md")).split("## Can the checker fail?")[1] ?? "";
    const breaks = [...table.matchAll(/^\| ([a-z-]*[a-z]) \|/gm)].map(([, name]) => name ?? "");
    expect(breaks).toEqual(expect.arrayContaining(BREAKS.map(({ name }) => name)));
  });
});

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

describe("a comment or a text in the source", () => {
  test.each([
    ["none of the words that style forbids", AVOIDED],
    ["no sentence that begins with a relative clause", RELATIVE_START],
  ])("has %s", async (_promise, pattern) => {
    const folders = ["src", "scripts", "bench", "test/support", "test/faults"];
    const files = (await Promise.all(folders.map(sources))).flat();
    expect(files.length).toBeGreaterThan(400);
    const texts = await Promise.all(
      files.map(async (file) => textsOf(await read(file)).map((text) => ({ file, text }))),
    );
    const found = texts.flat().filter(({ text }) => text.search(pattern) !== -1);
    expect(found).toEqual([]);
  });
});
