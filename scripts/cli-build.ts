import type { BuildOptions } from "esbuild";

/** Packages that are loaded only where they are installed. */
const EXTERNAL = ["node:*"];

/**
 * How the command line is bundled: with its libraries, so that nobody installs them who only runs a gateway. Some of
 * them are CommonJS, and ask for Node's modules by `require`.
 */
export const CLI_BUILD = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node22",
  external: EXTERNAL,
  logLevel: "warning",
  banner: {
    js: [
      "#!/usr/bin/env node",
      'import { createRequire as createNodeRequire } from "node:module";',
      "const require = createNodeRequire(import.meta.url);",
    ].join("\n"),
  },
} as const satisfies BuildOptions;
