import { createFloor, type Floor } from "./worker.ts";

declare const Deno: {
  readonly args: readonly string[];
  serve(
    options: { hostname: string; port: number; onListen: () => void },
    handler: (request: Request) => Response | Promise<Response>,
  ): unknown;
};

// The floor on Deno: its configuration and port come as arguments.
const [port = "", floor = ""] = Deno.args;
const app = createFloor(JSON.parse(floor) as Floor); // written by bench/floor.ts
Deno.serve(
  { hostname: "127.0.0.1", port: Number(port), onListen: () => console.log("listening") },
  (request) => app.fetch(request),
);
