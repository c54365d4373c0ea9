import { createGlueFloor } from "./glue.ts";
import { createLimit } from "./limit.ts";
import { createScriptFloor } from "./script.ts";
import type { Services } from "./services.ts";

const PROGRAMS = { script: createScriptFloor, limit: createLimit, glue: createGlueFloor } as const;

export interface Floor extends Services {
  readonly floor: keyof typeof PROGRAMS;
}

interface App {
  fetch(request: Request): Response | Promise<Response>;
}

let app: App | undefined;

/** The program that the environment names. */
export default {
  fetch(request: Request, env: Floor): Response | Promise<Response> {
    app ??= PROGRAMS[env.floor](env);
    return app.fetch(request);
  },
};
