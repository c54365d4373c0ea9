import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { type Browser, chromium } from "playwright-core";
import { BROWSERS } from "./browser-names.ts";

/**
 * Starts the Chromium that is installed on this machine.
 * @throws Error when the PATH has none.
 */
export async function startBrowser(): Promise<Browser> {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const paths = folders.flatMap((folder) => BROWSERS.map((name) => join(folder, name)));
  const executablePath = paths.find((path) => existsSync(path));
  if (!executablePath) throw new Error("no Chromium is on the PATH; type: sudo apt-get install -y chromium");
  return await chromium.launch({ executablePath });
}
