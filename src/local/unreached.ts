import { emptyFunctions, muteErrors } from "./shake.ts";

/** Functions of a module that no call of ours gets to. */
interface Unreached {
  readonly module: RegExp;
  /** Which of the package's modules it is, where their names do not tell. */
  readonly holding?: string;
  /** Are called on our way, but have nothing to do there. */
  readonly idle?: readonly string[];
  /** Are never called; if they were, they would throw. */
  readonly closed?: readonly string[];
}

const MODULES: readonly Unreached[] = [
  {
    // What Papa Parse has around its parser: it guesses and converts, writes CSV, loads files and starts workers.
    module: /papaparse[\\/]papaparse\.js$/,
    idle: [
      "CsvToJson",
      "ParserHandle",
      "ChunkStreamer",
      "StringStreamer",
      "JsonToCsv",
      "NetworkStreamer",
      "FileStreamer",
      "ReadableStreamStreamer",
      "DuplexStreamStreamer",
      "newWorker",
      "mainThreadReceivedMessage",
      "workerThreadReceivedMessage",
    ],
  },
  // Workers evaluate no code that is made at run time: zod's fast path is never taken there.
  { module: /zod[\\/]v4[\\/]core[\\/]schemas\.js$/, idle: ["generateFastpass"] },
  {
    // Would start a development server of its own where it is told to, know regions, language models and their bills.
    module: /@upstash[\\/]qstash[\\/]chunk-\w+\.mjs$/,
    holding: "var Client = class",
    idle: ["ensureDevelopmentServer"],
    closed: [
      "getProviderInfo",
      "safeJoinHeaders",
      "getRegionFromEnvironment",
      "normalizeRegionHeader",
      "readEnvironmentVariables",
      "getDevelopmentCredentials",
      "getRuntime",
      "buildBulkActionFilterPayload",
    ],
  },
  {
    // Commands are sent one by one or as a list, and their answers are read here.
    module: /@upstash[\\/]redis[\\/]chunk-\w+\.mjs$/,
    holding: "var Redis = class",
    closed: ["createAutoPipelineProxy", "createVectorIndex", "initVectorIndex", "parseResponse"],
  },
  // The queue's tokens are signed by a shared secret, which is given as bytes.
  { module: /jose[\\/]dist[\\/]browser[\\/]key[\\/]import\.js$/, closed: ["importJWK"] },
  { module: /jose[\\/].+[\\/]normalize_key\.js$/, closed: ["importAndCache", "normalizePrivateKey"] },
  { module: /jose[\\/].+[\\/]check_key_type\.js$/, closed: ["asymmetricTypeCheck", "jwkMatchesOp"] },
  { module: /jose[\\/].+[\\/]crypto_key\.js$/, closed: ["checkSigCryptoKey"] },
  { module: /jose[\\/].+[\\/]invalid_key_input\.js$/, closed: ["message"] },
  { module: /jose[\\/].+[\\/]secs\.js$/, closed: ["default"] },
];

/** Modules that {@link withoutUnreached} changes and that lose no class members besides. */
export const UNREACHED =
  /(?:papaparse|zod[\\/]v4[\\/]core[\\/]schemas|jose[\\/]dist[\\/]browser[\\/].+)\.js$/;

/** Static codes of jose's errors, which keep every unused class of them alive. */
const ERROR_CODES = /^JW?\w*\.code = '\w+';$/gm;

/** Takes the insides out of a package's functions that are never reached, so that a bundler drops what only they used. */
export function withoutUnreached(path: string, text: string): string {
  if (/jose[\\/].+[\\/]errors\.js$/.test(path)) return text.replace(ERROR_CODES, "");
  const open = withoutInsides(path, text);
  return MUTE.test(path) ? muteErrors(open, ["UpstashError", "console"]) : open;
}

/** What these say of a failure is never passed on: the adapters give a code and words of their own. */
const MUTE = /@upstash[\\/]|jose[\\/]/;

function withoutInsides(path: string, text: string): string {
  const found = MODULES.find(({ module, holding = "" }) => module.test(path) && text.includes(holding));
  if (!found) return text;
  const idle = emptyFunctions(text, found.idle ?? []);
  return emptyFunctions(idle, found.closed ?? [], "throw 0");
}
