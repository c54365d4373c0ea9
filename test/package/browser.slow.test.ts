import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { build, preview } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBrowser } from "../support/browser.ts";
import { freePort, type Running, root, start } from "../support/process.ts";
import { newProject, type Services, startServices } from "../support/stand-ins.ts";
import { type Consumer, install } from "./install.ts";

// The packed client in a page that Vite has built, and the gateway's own pages below a path, in a real browser.

const PAGE = `<!doctype html><title>page</title><p id="result"></p><script type="module" src="/page.ts"></script>`;

const SCRIPT = `import { Ringback } from "ringback/client";
import type { tasks } from "./tasks.ts";

const apiKey = new URL(location.href).searchParams.get("key") ?? "";
const ringback = new Ringback<typeof tasks>({ url: new URL("/async", location.href).href, apiKey });
const types: string[] = [];
const task = await ringback.tasks.submit("text.shout", { text: "hello" });
for await (const event of ringback.tasks.events(task)) types.push(event.type);
const { result } = await ringback.tasks.wait(task);
document.querySelector("#result")!.textContent = result?.text + " " + types.at(-1);
`;

let consumer: Consumer;
let services: Services;
let browser: Browser;
let gateway: Running;
let url = "";

beforeAll(async () => {
  [consumer, services, browser] = await Promise.all([install(), startServices(), startBrowser()]);
  const guide = await readFile(join(root, "docs/guides/embed.md"), "utf8");
  for (const name of ["tasks.ts", "main.ts"]) {
    await consumer.write(name, guide.split(`\`\`\`ts ${name}\n`)[1]?.split("```")[0] ?? "");
  }
  await consumer.write("index.html", PAGE);
  await consumer.write("page.ts", SCRIPT);
  const port = await freePort();
  url = `http://127.0.0.1:${port}/async`;
  const args = [
    "run",
    "--quiet",
    "--no-lock",
    "--cached-only",
    "--allow-net",
    "--allow-env",
    "--allow-read=.",
  ];
  const { running } = await start({
    command: join(root, "node_modules/.bin/deno"),
    args: [...args, "--node-modules-dir=manual", "--unstable-no-legacy-abort", "main.ts"],
    cwd: consumer.folder,
    env: { ...services.variables(url), PORT: `${port}`, HOST: "127.0.0.1" },
    ready: /"listening"/,
  });
  gateway = running;
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
  await consumer?.remove();
  await services?.stop();
});

test("a page that Vite has built submits a task, follows it, and reads its result", {
  timeout: 120_000,
}, async () => {
  const { key } = await newProject(url);
  await build({ root: consumer.folder, logLevel: "error", build: { target: "es2022" } });
  const port = await freePort();
  const proxy = { "/async": new URL(url).origin };
  const server = await preview({ root: consumer.folder, preview: { host: "127.0.0.1", port, proxy } });
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`http://127.0.0.1:${port}/?key=${key}`);
    await page.getByText("HELLO task.succeeded").waitFor({ timeout: 60_000 });
    expect(errors).toEqual([]);
  } finally {
    await server.close();
  }
});

test("the gateway's pages work below a path", { timeout: 120_000 }, async () => {
  const page = await browser.newPage();
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(`${url}/docs`);
  await page.getByRole("heading", { name: "Ringback", exact: true }).waitFor({ timeout: 60_000 });
  await page.goto(`${url}/problems/not-found`);
  await page.getByRole("link", { name: "All problems and error codes" }).click();
  await page.waitForURL(`${url}/problems`);
  await page.getByRole("link", { name: "OpenAPI", exact: true }).click();
  await page.waitForURL(`${url}/openapi.json`);
  const elsewhere = asked.filter((one) => !/^(data|blob):/.test(one) && !one.startsWith(`${url}/`));
  expect(elsewhere.filter((one) => !one.endsWith("/favicon.ico"))).toEqual([]);
});
