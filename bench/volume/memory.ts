import { type Crowd, fill } from "./fill.ts";
import { submitted, work } from "./work.ts";

/** Mebibytes of Redis's memory per thousand. */
export interface Weight {
  /** Tasks that wait, with an idempotency key, a pair of searched metadata and 80 characters of input. */
  readonly waiting: number;
  /** Tasks that have ended, with a result as long as the input. */
  readonly ended: number;
  /** Delivered callbacks of 1 KB. */
  readonly deliveries: number;
}

const SAMPLE = 5_000;
const LANES = 8;

/** Weighs tasks by what Redis's memory grows by. */
export async function measureMemory(volume: Crowd): Promise<Weight> {
  const empty = await memoryOf(volume);
  await fill(volume, SAMPLE);
  const waiting = (await memoryOf(volume)) - empty;
  const without = await grownBy(volume, false);
  const withDeliveries = await grownBy(volume, true);
  const perThousand = (bytes: number) => (bytes / 2 ** 20 / SAMPLE) * 1_000;
  return {
    waiting: perThousand(waiting),
    ended: perThousand(without),
    deliveries: perThousand(withDeliveries - without),
  };
}

async function grownBy(volume: Crowd, isTold: boolean): Promise<number> {
  const before = await memoryOf(volume);
  let left = SAMPLE;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await work(volume, await submitted(volume, volume.big, left), { isTold });
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return (await memoryOf(volume)) - before;
}

/** Bytes that Redis has in use. */
export async function memoryOf({ info }: Crowd): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await info("memory"))?.[1] ?? Number.NaN);
}
