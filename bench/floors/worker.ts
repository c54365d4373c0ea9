import { createGlueFloor } from "./glue.ts";
import { createScriptFloor } from "./script.ts";
import type { Services } from "./services.ts";

export interface Floor extends Services {
  readonly floor: "script" | "glue";
}

let app: ReturnType<typeof createFloor> | undefined;

export function createFloor(env: Floor): { fetch(request: Request): Response | Promise<Response> } {
  const hono = env.floor === "script" ? createScriptFloor(env) : createGlueFloor(env);
  return { fetch: (request) => hono.fetch(request) };
}

/** A floor on Workers. */
export default {
  fetch(request: Request, env: Floor): Response | Promise<Response> {
    app ??= createFloor(env);
    return app.fetch(request);
  },
};
