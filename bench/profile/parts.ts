/** A node of a CPU profile, as V8's inspector sends it (Profiler.ProfileNode). */
export interface Node {
  readonly id: number;
  readonly callFrame: Frame;
  readonly children?: readonly number[];
}

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

export interface CpuProfile {
  readonly nodes: readonly Node[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

/** The place of a frame in the sources; undefined for code of the runtime. */
export type SourceOf = (frame: Frame) => string | undefined;

const COLLECTION = "garbage collection";

/** No JavaScript runs, and the program does not wait. */
const NATIVE = "runtime: event loop, sockets";

/** Parts of the program by the files of their code; the first that fits. */
const FILES: readonly (readonly [RegExp, string])[] = [
  [/node_modules\/hono\//, "Hono"],
  [/node_modules\/zod\/|src\/shared\/schema\/|src\/http\/schemas\//, "zod validation"],
  [/pipeline\/body\.ts|src\/shared\/json\//, "body: decode, parse, depth survey"],
  [/node_modules\/@upstash\/redis\//, "Redis SDK"],
  [/src\/adapters\/redis\//, "script arguments and replies"],
  [/node_modules\/@upstash\/qstash\/|src\/adapters\/qstash\//, "QStash"],
  [
    /src\/adapters\/crypto\/|src\/shared\/(?:hashes|bytes|base32|id)\.ts|src\/http\/access\//,
    "keys, ids, crypto",
  ],
  // A request that carries a trace is sent from there.
  [/src\/adapters\/egress\/|src\/shared\/trace\/tracing\.ts/, "callbacks: guard, fetch"],
  [/src\/shared\/log\//, "log"],
  [/src\/http\/|src\/app\.ts|src\/gateway\.ts|src\/runtime\/|src\/ports\//, "our HTTP pipeline"],
  [/bench\/programs\/(?:limit|glue|script)\.ts/, "the hand-written program"],
  [/src\//, "tasks, events, deliveries"],
];

/** Parts of the runtime, where none of the program's code is under way. */
const RUNTIME: readonly (readonly [RegExp, string])[] = [
  [/deno_fetch/, "runtime: fetch, Request, Response"],
  [/deno_http/, "runtime: HTTP server"],
  [/^/, "runtime: streams, timers, other"],
];

/**
 * The time of each part, in microseconds, by what was under way at each sample; waiting is left out. Code of the runtime
 * counts for the part that called it.
 */
export function timeByPart(profile: CpuProfile, sourceOf: SourceOf): ReadonlyMap<string, number> {
  const parts = partsOfNodes(profile.nodes, sourceOf);
  const times = new Map<string, number>();
  for (const [index, sample] of profile.samples.entries()) {
    const part = parts.get(sample);
    // A delta lies before its sample: the time until the next one is this sample's.
    const time = profile.timeDeltas[index + 1];
    if (part !== undefined && time !== undefined) times.set(part, (times.get(part) ?? 0) + time);
  }
  return times;
}

/** The part of each node; waiting has none. */
function partsOfNodes(nodes: readonly Node[], sourceOf: SourceOf): ReadonlyMap<number, string> {
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node])));
  const parts = new Map<number, string>();
  for (const node of nodes) {
    const { functionName } = node.callFrame;
    if (functionName === "(idle)") continue;
    if (functionName === "(garbage collector)") parts.set(node.id, COLLECTION);
    else if (/^\((?:program|root)\)$/.test(functionName)) parts.set(node.id, NATIVE);
    else parts.set(node.id, partOf(stackOf(node, parents), sourceOf));
  }
  return parts;
}

/** The frames from a node to the root. */
function stackOf(leaf: Node, parents: ReadonlyMap<number, Node>): readonly Frame[] {
  const frames: Frame[] = [];
  for (let node: Node | undefined = leaf; node; node = parents.get(node.id)) frames.push(node.callFrame);
  return frames;
}

function partOf(stack: readonly Frame[], sourceOf: SourceOf): string {
  for (const frame of stack) {
    const source = sourceOf(frame);
    const part = source && FILES.find(([files]) => files.test(source))?.[1];
    if (part) return part;
  }
  const url = stack.find((frame) => frame.url !== "")?.url ?? "builtin";
  return RUNTIME.find(([files]) => files.test(url))?.[1] ?? NATIVE;
}
