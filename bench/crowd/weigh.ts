import { type Crowd, fill } from "./crowd.ts";
import { submitted, work } from "./work.ts";

/** Mebibytes of Redis's memory per thousand tasks. */
export interface Weight {
  /** Accepted, with an idempotency key, a pair of searched metadata and 80 characters of input. */
  readonly open: number;
  /** Ended, with a result as long as the input and one delivered callback of 1 KB. */
  readonly ended: number;
}

const SAMPLE = 5_000;
const LANES = 8;

/** Weighs tasks by what Redis's memory grows by. */
export async function weigh(crowd: Crowd): Promise<Weight> {
  const empty = await memoryOf(crowd);
  await fill(crowd, SAMPLE);
  const filled = await memoryOf(crowd);
  let left = SAMPLE;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await work(crowd, await submitted(crowd, crowd.big, left));
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const ended = await memoryOf(crowd);
  const perThousand = (bytes: number) => (bytes / 2 ** 20 / SAMPLE) * 1_000;
  return { open: perThousand(filled - empty), ended: perThousand(ended - filled) };
}

/** Bytes that Redis has in use. */
export async function memoryOf({ info }: Crowd): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await info("memory"))?.[1] ?? Number.NaN);
}
