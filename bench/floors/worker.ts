import { createGlueFloor } from "./glue.ts";
import { createScriptFloor } from "./script.ts";
import type { Services } from "./services.ts";

export interface Floor extends Services {
  readonly floor: "script" | "glue";
}

let app: ReturnType<typeof createGlueFloor> | undefined;

/** The floor that the environment names. */
export default {
  fetch(request: Request, env: Floor): Response | Promise<Response> {
    app ??= env.floor === "script" ? createScriptFloor(env) : createGlueFloor(env);
    return app.fetch(request);
  },
};
