import process from "node:process";
import { createInterface } from "node:readline/promises";
import { UsageError } from "../common/failure.ts";

/** The options of `init` itself. */
export interface InitOptions {
  readonly name?: string;
  readonly runtime?: string;
  readonly region?: string;
  readonly domain?: string;
  readonly yes?: true;
  readonly force?: true;
}

/** The settings of a new project. */
export interface Answers {
  readonly name: string;
  readonly runtime: "workers" | "deno";
  /** A cloud's region such as `aws:us-east-1`. */
  readonly region: string;
  readonly domain?: string;
}

const DEFAULT_REGION = "aws:us-east-1";

/** The answers by the options; asked for when no option is given and there is somebody to ask. */
export async function answersOf(options: InitOptions, folder: string): Promise<Answers> {
  const { name, runtime, region, domain, yes, force } = options;
  const isGiven = [name, runtime, region, domain, yes, force].some((option) => option !== undefined);
  const usual = { name: nameFrom(folder), runtime: "workers", region: DEFAULT_REGION, domain: "" };
  const given = { ...usual, ...defined({ name, runtime, region, domain }) };
  return checked(isGiven || !process.stdin.isTTY ? given : await ask(usual));
}

type Texts = Readonly<Record<"name" | "runtime" | "region" | "domain", string>>;

function defined(options: Partial<Record<keyof Texts, string | undefined>>): Partial<Texts> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

async function ask(usual: Texts): Promise<Texts> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const one = async (question: string, fallback: string): Promise<string> =>
    (await terminal.question(`${question}${fallback ? ` (${fallback})` : ""}: `)).trim() || fallback;
  try {
    return {
      name: await one("Name of the Worker", usual.name),
      runtime: await one("Runtime, workers or deno", usual.runtime),
      region: await one("Region of your Redis", usual.region),
      domain: await one("Custom domain, empty for none", ""),
    };
  } finally {
    terminal.close();
  }
}

/** @throws UsageError */
function checked({ name, runtime, region, domain }: Texts): Answers {
  if (!/^[a-z0-9]([a-z0-9-]{0,52}[a-z0-9])?$/.test(name)) {
    throw new UsageError("--name must be lower-case letters, digits and hyphens, 54 at most");
  }
  if (runtime !== "workers" && runtime !== "deno") throw new UsageError("--runtime must be workers or deno");
  if (!/^(aws|gcp|azure):[a-z0-9-]+$/.test(region)) {
    throw new UsageError("--region must be a cloud and its region, such as aws:eu-west-1 or gcp:us-east4");
  }
  if (domain && !/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/i.test(domain)) {
    throw new UsageError("--domain must be a host name such as ringback.example.com");
  }
  return { name, runtime, region, ...(domain && { domain }) };
}

/** The name that a folder suggests. */
function nameFrom(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 54)
    .replace(/^-/, "")
    .replace(/-$/, "");
  return name || "ringback-app";
}
