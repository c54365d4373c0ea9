import { Session } from "node:inspector/promises";
import { pathToFileURL } from "node:url";

/*
 * deno run deno-profiler.ts PORT PROGRAM: runs a program of Deno and profiles it from inside, when that port is asked.
 * The inspector of `--inspect` would report every fetch of the program too, and cost more than an accept.
 */

const [port, program = ""] = Deno.args;

/** Microseconds between two samples. */
const INTERVAL = 250;

const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.setSamplingInterval", { interval: INTERVAL });

Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen: () => undefined }, async ({ url }) => {
  if (url.endsWith("/start")) return Response.json(await session.post("Profiler.start"));
  return Response.json(await session.post("Profiler.stop"));
});

await import(pathToFileURL(program).href);
