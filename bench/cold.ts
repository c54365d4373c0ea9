import { Client } from "undici";
import type { Prepared } from "../test/support/host.ts";
import { start } from "../test/support/process.ts";
import type { Contender } from "./load.ts";
import type { ColdStart } from "./results.ts";
import { bootstrap, median } from "./statistics.ts";

/** The gateway and a trivial Worker on one runtime, as programs that do not run yet, and the request of both. */
export interface Cold {
  readonly runtime: string;
  readonly gateway: Prepared;
  readonly trivial: Prepared;
  readonly request: Pick<Contender, "path" | "headers" | "body">;
}

/** Measures the time from the spawn of a process to its first 202, both programs in turns. */
export async function measureCold(
  { runtime, gateway, trivial, request }: Cold,
  rounds: number,
): Promise<ColdStart> {
  const times: { readonly own: number; readonly least: number }[] = [];
  for (const prepared of [trivial, gateway]) await firstAnswer(prepared, request); // from the disk's cache from now on
  for (let round = 0; round < rounds; round++) {
    times.push({ least: await firstAnswer(trivial, request), own: await firstAnswer(gateway, request) });
  }
  return {
    runtime,
    own: median(times.map(({ own }) => own)),
    trivial: median(times.map(({ least }) => least)),
    ratio: bootstrap(times.map(({ own, least }) => own / least)),
  };
}

/** Milliseconds from the spawn to the first 202. */
async function firstAnswer(
  { program, url }: Prepared,
  { path, headers, body }: Cold["request"],
): Promise<number> {
  const begin = performance.now();
  const { running } = await start(program);
  const client = new Client(url);
  try {
    const answer = await client.request({
      method: "POST",
      path,
      headers: { "content-type": "application/json", ...headers },
      body: body(),
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 202) throw new Error(`the first answer was ${answer.statusCode}: ${text}`);
    return performance.now() - begin;
  } finally {
    await client.destroy();
    await running.kill();
  }
}
