import * as z from "zod/mini";
import { createRingback } from "../../src/runtime/deno.ts";
import { defineTask } from "../../src/task.ts";

/* Runs on Deno: serves a gateway of Deno's entry point, whose one task type keeps the thread busy until the file is there
   that the argument names. Prints its port, and then whether the file came within 10 s. The environment is the gateway's. */

const [file = ""] = Deno.args;

const isThere = () => {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
};

const busy = defineTask({
  type: "test.busy",
  start: "immediate",
  timeout: 20_000,
  input: z.null(),
  handler: () => {
    const until = Date.now() + 10_000;
    while (!isThere() && Date.now() < until);
    console.log(`the file is ${isThere() ? "there" : "missing"}`);
  },
});
const gateway = createRingback({ tasks: [busy] })(Deno.env.toObject());
Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: ({ port }) => console.log(`port ${port}`) },
  (request) => gateway.fetch(request),
);
