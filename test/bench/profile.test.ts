import { expect, test } from "vitest";
import { type Node, timeByPart } from "../../bench/profile/parts.ts";

/** A profile of one chain of calls after another, each seen for so many microseconds. */
function profileOf(
  seen: readonly (readonly [stack: readonly (readonly [name: string, url?: string])[], time: number])[],
) {
  const nodes: (Node & { children: number[] })[] = [];
  const add = (functionName: string, url: string): number => {
    nodes.push({
      id: nodes.length,
      children: [],
      callFrame: { functionName, url, lineNumber: 0, columnNumber: 0 },
    });
    return nodes.length - 1;
  };
  const root = add("(root)", "");
  const leaves = seen.map(([stack]) =>
    stack.reduce((parent, [name, url = ""]) => {
      const id = add(name, url);
      nodes[parent]?.children.push(id);
      return id;
    }, root),
  );
  return { nodes, samples: [...leaves, root], timeDeltas: [0, ...seen.map(([, time]) => time)] };
}

/** Functions of the program are called after their file. */
const sourceOf = ({ functionName, url }: { functionName: string; url: string }) =>
  url === "worker.mjs" ? functionName : undefined;

test("time belongs to the part of its own code, and code of the runtime to the part that called it", () => {
  const app = ["src/http/app.ts", "worker.mjs"] as const;
  const sdk = ["../node_modules/@upstash/redis/client.mjs", "worker.mjs"] as const;
  const times = timeByPart(
    profileOf([
      [[app], 10],
      [[app, ["../node_modules/hono/dist/compose.js", "worker.mjs"]], 20],
      [[app, sdk, ["fetch", "ext:deno_fetch/26_fetch.js"], ["op_fetch"]], 30],
      [[app, sdk], 5],
    ]),
    sourceOf,
  );
  expect(Object.fromEntries(times)).toEqual({ "our HTTP pipeline": 10, Hono: 20, "Redis SDK": 35 });
});

test("the runtime's own work, its collections and its waiting are kept apart", () => {
  const times = timeByPart(
    profileOf([
      [[["(idle)"]], 1_000],
      [[["(garbage collector)"]], 3],
      [[["(program)"]], 4],
      [[["serve", "ext:deno_http/00_serve.ts"], ["op_http_wait"]], 5],
      [[["processTimers", "ext:core/02_timers.js"]], 6],
    ]),
    sourceOf,
  );
  expect(Object.fromEntries(times)).toEqual({
    "garbage collection": 3,
    "runtime: event loop, sockets": 4,
    "runtime: HTTP server": 5,
    "runtime: streams, timers, other": 6,
  });
});
