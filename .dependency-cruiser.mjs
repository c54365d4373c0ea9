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
  receiver: ["shared"],
  client: ["shared"],
  console: ["shared", "client"],
  cli: ["shared", "client", "receiver"],
};

/** The top: they connect the rest, and nothing below imports them. */
const TOP = ["index", "app", "worker", "deno", "local"];
const FOLDERS = [...Object.keys(MAY_IMPORT), ...TOP];

/** A folder, or a file of that name. */
const pattern = (names) => `^src/(${names.join("|")})(/|\\.ts$)`;

const layers = Object.entries(MAY_IMPORT).map(([folder, allowed]) => ({
  name: `layer-${folder.replace("/", "-")}`,
  comment: `src/${folder} may import: ${allowed.join(", ") || "nothing"}. See docs/architecture.md.`,
  severity: "error",
  from: { path: pattern([folder]) },
  to: { path: pattern(FOLDERS.filter((other) => other !== folder && !allowed.includes(other))) },
}));

/** Which folders a library belongs to. */
const library = (name, folders) => ({
  name: `only-${folders[0].replace("/", "-")}-imports-${name.replaceAll(/\W+/g, "-")}`,
  comment: `Only ${folders.join(", ")} may import ${name}.`,
  severity: "error",
  from: { path: "^src/", pathNot: pattern(folders) },
  to: { path: `node_modules/${name}/` },
});

export default {
  forbidden: [
    {
      name: "no-circular",
      comment: "Two files that need each other are one file, or need a third. Types count.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "web-apis-only",
      comment: "The edge has Web APIs only. What runs on Deno alone may use Deno's node: modules.",
      severity: "error",
      from: { path: "^src/", pathNot: [pattern(["local", "cli"]), "/deno-send\\.ts$"] },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "not-to-scripts-or-tests",
      comment: "What is deployed imports no script and no test.",
      severity: "error",
      from: { path: "^src/", pathNot: pattern(["local"]) },
      to: { path: "^(scripts|test|bench|examples)/" },
    },
    {
      name: "resolvable",
      comment: "The import leads nowhere.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    ...layers,
    library("hono", ["http", "app", "deno", "local"]),
    library("@upstash/redis", ["adapters/redis", "local"]),
    library("@upstash/qstash", ["adapters/qstash", "local"]),
  ],
  options: {
    parser: "swc",
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["workerd", "import", "types"] },
  },
};
