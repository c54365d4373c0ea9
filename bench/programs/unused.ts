import type { Background } from "../../src/ports/background.ts";
import trivial from "./trivial.ts";

/**
 * The trivial Worker with the gateway's code in its bundle. Nobody asks for the path that runs it: what this start takes
 * longer is what the runtime needs to read that code.
 */
export default {
  fetch: async (request: Request, env: object, ctx: Background): Promise<Response> => {
    if (new URL(request.url).pathname !== "/gateway") return trivial.fetch();
    const { default: gateway } = await import("./gateway.ts");
    return gateway.fetch(request, env, ctx);
  },
};
