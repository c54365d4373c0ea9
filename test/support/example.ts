import { inject } from "vitest";
import { type Client, newProject } from "./client.ts";
import { type Hosted, host } from "./host.ts";
import { variablesOn } from "./stack.ts";

/** A worked example's deployment, and a client in a project of its own there. */
export interface Example {
  readonly client: Client;
  readonly hosted: Hosted;
}

/**
 * Runs the deployment of `examples/<name>` on the project's runtime and services.
 *
 * @param env what the example's own entry reads
 */
export async function hostExample(name: string, env: Readonly<Record<string, string>>): Promise<Example> {
  const { runtime, backing } = inject("stack");
  const adminToken = `${name}-admin-token`;
  const hosted = await host(runtime, `examples/${name}/main.ts`, (url) => ({
    ...variablesOn(backing, url, adminToken),
    ...env,
  }));
  const client = await newProject({ url: hosted.url, adminToken }, `${name}-${crypto.randomUUID()}`);
  return { client, hosted };
}
