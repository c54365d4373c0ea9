import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ReferenceProps } from "@scalar/api-reference";
import { root } from "../../src/local/root.ts";

/** Scalar's build for browsers: one script that holds everything it needs. */
const VIEWER = join(root, "node_modules/@scalar/api-reference/dist/browser/standalone.js");

/**
 * Scalar's options. The page asks no other host: no fonts, proxy, telemetry, chat agent or MCP of Scalar's, and no
 * button that opens its desktop app. A key that a reader types in stays in the page's memory.
 */
const CONFIGURATION: ReferenceProps["configuration"] = {
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: "never",
  persistAuth: false,
  documentDownloadType: "direct",
  modelsSectionLabel: "Schemas",
  orderSchemaPropertiesBy: "preserve",
  authentication: { preferredSecurityScheme: "apiKey" },
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="The API of Ringback: every operation, with a form that sends it.">
<link rel="icon" href="data:,">
<title>Ringback API reference</title>
</head>
<body>
<noscript>This page needs JavaScript. The same API is described at <a href="openapi.json">openapi.json</a>.</noscript>
<div id="reference"></div>
<script src="docs/scalar.js"></script>
<script src="docs/reference.js"></script>
</body>
</html>
`;

/**
 * The reference for people, by file name. Its addresses are relative to `/docs`, so that it works under a path prefix: a page that shows the OpenAPI document with Scalar. */
export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  return {
    "docs.html": PAGE,
    "docs/scalar.js": await readFile(VIEWER, "utf8"),
    "docs/reference.js": `const url = new URL("openapi.json", location.href).href;
Scalar.createApiReference("#reference", { url, ...${JSON.stringify(CONFIGURATION)} });\n`,
  };
}
