import { createRingback } from "../../src/runtime/deno.ts";
import { diagnostics } from "../../src/task-types/index.ts";
import { countSubtleCalls } from "./subtle-calls.ts";

/* Runs on Deno: accepts tasks with the gateway of Deno's entry point, and prints the status and the number of calls of
   Web Crypto of each. The environment is the gateway's; the arguments are the public URL and an API key. */

const subtleCalls = countSubtleCalls();
const [publicUrl = "", apiKey = ""] = Deno.args;
const gateway = createRingback({ tasks: diagnostics })(Deno.env.toObject());
const counts: { readonly status: number; readonly calls: number }[] = [];
for (let n = 0; n < 3; n++) {
  const response = await gateway.fetch(
    new Request(`${publicUrl}/v1/tasks`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${apiKey}`,
        "content-type": "application/json",
        "idempotency-key": `key-${n}`,
      },
      body: JSON.stringify({ type: "diagnostics.echo", input: n, metadata: { n: `${n}` }, delay: "2h" }),
    }),
  );
  await response.body?.cancel();
  counts.push({ status: response.status, calls: subtleCalls() });
}
console.log(JSON.stringify(counts));
