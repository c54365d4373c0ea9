import { Client } from "undici";
import type { Prepared } from "../test/support/host.ts";
import { start } from "../test/support/process.ts";
import type { Contender } from "./load.ts";
import type { ColdStart } from "./results.ts";
import { bootstrap, median } from "./statistics.ts";

/** A program that does not run yet, and the request that it answers with 202. */
export interface Startable {
  readonly name: string;
  readonly prepared: Prepared;
  readonly request: Pick<Contender, "path" | "headers" | "body">;
}

/**
 * Measures the time from the spawn of a process to its first 202, the programs in turns.
 *
 * @param least the program that the others are compared with
 */
export async function measureCold(
  runtime: string,
  least: Startable,
  others: readonly Startable[],
  rounds: number,
): Promise<readonly ColdStart[]> {
  const programs = [least, ...others];
  for (const program of programs) await firstAnswer(program); // from the disk's cache from now on
  const times: number[][] = programs.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, program] of programs.entries()) times[index]?.push(await firstAnswer(program));
  }
  const [base = []] = times;
  return programs.map(({ name }, index) => {
    const own = times[index] ?? [];
    const ratios = own.map((one, round) => one / (base[round] ?? one));
    return { runtime, name, ms: median(own), ...(index > 0 && { ratio: bootstrap(ratios) }) };
  });
}

/** Milliseconds from the spawn to the first 202. */
async function firstAnswer({ prepared, request }: Startable): Promise<number> {
  const { program, url } = prepared;
  const { path, headers, body } = request;
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
