import { Ringback, RingbackError } from "../../src/client/index.ts";

/** A Worker whose requests go through the client: it shows that the client runs where it runs. */
export default {
  async fetch(_request: Request, env: Readonly<Record<"GATEWAY" | "KEY", string>>): Promise<Response> {
    const { tasks } = new Ringback({ url: env.GATEWAY, apiKey: env.KEY });
    const told: string[] = [];
    const task = await tasks.submit("diagnostics.flaky", { failures: 0, sleepMs: 300, payload: "ż" });
    const { status, result } = await tasks.wait(task, { onEvent: ({ type }) => told.push(type) });
    const refused = await tasks.submit("no.such", 1).catch((error: unknown) => error);
    const code = refused instanceof RingbackError ? refused.code : undefined;
    return Response.json({ status, result, told, bare: await tasks.result(task), code });
  },
};
