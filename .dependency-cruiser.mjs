/*
 * Layers: shared ← feature folders ← ports ← adapters; http, cli and app on top. Each folder of src, and which others it
 * may import. The table is in docs/architecture.md too.
 */
const FEATURES = [
  "tasks",
  "events",
  "deliveries",
  "endpoints",
  "projects",
  "services",
  "scheduling",
  "doctor",
  "figures",
];
const ADAPTERS = ["adapters/redis", "adapters/qstash", "adapters/egress", "adapters/crypto"];
const MODEL = ["shared", "ports", "task", ...FEATURES];

const MAY_IMPORT = {
  shared: [],
  task: ["shared"],
  ports: MODEL,
  ...Object.fromEntries(FEATURES.map((feature) => [feature, MODEL])),
  ...Object.fromEntries(ADAPTERS.map((adapter) => [adapter, MODEL])),
  http: MODEL,
  config: MODEL,
  "task-types": ["task"],
  receiver: ["shared", "events", "tasks"],
  client: ["shared", "tasks", "deliveries", "endpoints", "services", "figures", "http"],
  console: ["shared", "client", "tasks", "deliveries", "endpoints", "projects", "figures"],
  cli: ["shared", "client", "receiver", "local"],
};

/** Ends the message of a rule. */
const TABLE = "The table of layers, with the reasons: docs/architecture.md#modules.";
const RULES = "The rules, with the reasons: CONTRIBUTING.md#rules.";

/** The top: they connect the rest, and nothing below imports them. */
const TOP = [
  "index",
  "app",
  "gateway",
  "connect",
  "deployed",
  "submit",
  "runtime",
  "worker",
  "deno",
  "local",
];
const FOLDERS = [...Object.keys(MAY_IMPORT), ...TOP];

/** Files over Deno's `node:` modules. */
const DENO_ALONE = ["adapters/egress/deno-send", "adapters/crypto/node-crypto"];

/** A folder, or a file of that name. */
const pattern = (names) => `^src/(${names.join("|")})(/|\\.ts$)`;

const layers = Object.entries(MAY_IMPORT).map(([folder, allowed]) => ({
  name: `layer-${folder.replace("/", "-")}`,
  comment: `src/${folder} may import: ${allowed.join(", ") || "nothing"}. ${TABLE}`,
  severity: "error",
  from: { path: pattern([folder]) },
  to: { path: pattern(FOLDERS.filter((other) => other !== folder && !allowed.includes(other))) },
}));

/** Which folders a library belongs to. */
const library = (name, folders) => ({
  name: `only-${folders[0].replace("/", "-")}-imports-${name.replaceAll(/\W+/g, "-")}`,
  comment: `Only ${folders.join(", ")} may import ${name}, so that it can be replaced in one place. ${TABLE}`,
  severity: "error",
  from: { path: "^src/", pathNot: pattern(folders) },
  to: { path: `node_modules/${name}/` },
});

export default {
  forbidden: [
    {
      name: "no-circular",
      comment: `Two files that need each other are one file, or need a third. Types count. ${RULES}`,
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "web-apis-only",
      comment: `The edge has Web APIs only. The code that runs on Deno alone may use Deno's node: modules. ${RULES}`,
      severity: "error",
      from: { path: "^src/", pathNot: [pattern(["local", "cli"]), pattern(DENO_ALONE)] },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "deno-alone",
      comment: `Workers must not load it: they have no node: without a compatibility flag. ${TABLE}`,
      severity: "error",
      from: { path: "^src/", pathNot: "^src/runtime/deno\\.ts$" },
      to: { path: pattern(DENO_ALONE) },
    },
    {
      name: "receiver-runs-alone",
      comment: `ringback/receiver is published without the rest: event-data.ts alone takes types from elsewhere. ${TABLE}`,
      severity: "error",
      from: { path: pattern(["receiver"]), pathNot: "/event-data\\.ts$" },
      to: { path: "^src/", pathNot: pattern(["receiver"]) },
    },
    {
      name: "console-takes-types",
      comment: `The console runs in a browser: api/types.ts alone takes types from the schemas. ${TABLE}`,
      severity: "error",
      from: { path: pattern(["console"]), pathNot: "/api/types\\.ts$" },
      to: { path: "^src/", pathNot: pattern(["console", "shared", "client"]) },
    },
    {
      name: "client-types-in-one-file",
      comment: `The types of the resources come into the client in types.ts, which the build writes out. ${TABLE}`,
      severity: "error",
      from: { path: pattern(["client"]), pathNot: "/types\\.ts$" },
      to: { path: "^src/", pathNot: pattern(["client", "shared"]) },
    },
    {
      name: "not-to-scripts-or-tests",
      comment: `Deployed code imports no script and no test. ${TABLE}`,
      severity: "error",
      from: { path: "^src/", pathNot: pattern(["local"]) },
      to: { path: "^(scripts|test|bench|examples)/" },
    },
    {
      name: "resolvable",
      comment: `The import leads nowhere: a wrong path, or a package that package.json lacks. ${RULES}`,
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    ...layers,
    library("hono", ["http", "app", "runtime", "local"]),
    library("@opentelemetry/api", ["shared"]),
    library("@upstash/redis", ["adapters/redis", "local"]),
    library("@upstash/qstash", ["adapters/qstash", "local"]),
  ],
  options: {
    parser: "swc",
    // Its parser takes no JSX: of the console the modules without markup are judged.
    exclude: { path: "\\.tsx$" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["workerd", "import", "types"] },
  },
};
