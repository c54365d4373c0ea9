import { afterAll, expect, test } from "vitest";
import { type Crowd, openCrowd } from "../../bench/volume/fill.ts";
import { BUDGETED, measure } from "../../bench/volume/measure.ts";

// `npm run crowd` does the same with 500,000 tasks, and times it.

const [FEW, MANY] = [500, 5_000];

const crowds: Crowd[] = [];
afterAll(() => Promise.all(crowds.map((volume) => volume.stop())));

/** Commands per call, by name. */
async function commandsAmong(tasks: number): Promise<ReadonlyMap<string, number>> {
  const volume = await openCrowd();
  crowds.push(volume);
  const costs = await measure(volume, tasks);
  const keys = /^db0:keys=(\d+)/m.exec(await volume.info("keyspace"))?.[1];
  expect(Number(keys)).toBeGreaterThan(2 * tasks); // each with its idempotency key
  return new Map(costs.map(({ name, commands }) => [name, commands]));
}

test(`accept, list, lookup, sweep and a task's whole way take the same commands among ${MANY} tasks as among ${FEW}`, async () => {
  const [few, many] = await Promise.all([commandsAmong(FEW), commandsAmong(MANY)]);
  expect(few.size).toBeGreaterThan(10);
  for (const [name, commands] of few) {
    expect(commands, name).toBeGreaterThanOrEqual(6);
    const more = (many.get(name) ?? Number.NaN) - commands;
    const budget = BUDGETED.get(name);
    if (budget === undefined) expect(more, name).toBe(0);
    else {
      expect(more, name).toBeLessThanOrEqual(budget);
      expect(more, name).toBeGreaterThan(0); // the crowd is felt where it may be
    }
  }
});
