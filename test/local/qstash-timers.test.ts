import fc from "fast-check";
import { expect, test } from "vitest";
import { systemClock } from "../../src/local/qstash/clock.ts";
import { Fifo } from "../../src/local/qstash/delivery/fifo.ts";
import { TimerQueue } from "../../src/local/qstash/timer-queue.ts";
import { ManualClock } from "./qstash-harness.ts";

test("timers run at their time, in order, and canceled ones don't", () => {
  const plan = fc.array(fc.record({ at: fc.nat(50), canceled: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(plan, (timers) => {
      const clock = new ManualClock();
      const start = clock.now();
      const timerQueue = new TimerQueue(clock);
      const ran: [at: number, index: number][] = [];
      const made = timers.map(({ at }, index) => {
        return timerQueue.add(start + at, () => ran.push([clock.now() - start, index]));
      });
      for (const [index, { canceled }] of timers.entries()) {
        const timer = made[index];
        if (canceled && timer) timerQueue.cancel(timer);
      }
      for (let time = 0; time < 50; time++) clock.advance(1);
      const expected = timers
        .map(({ at, canceled }, index) => ({ at, canceled, index }))
        .filter(({ canceled }) => !canceled)
        .sort((a, b) => a.at - b.at || a.index - b.index)
        .map(({ at, index }) => [Math.max(1, at), index]);
      expect(ran).toEqual(expected);
    }),
    { seed: 20_261_124 },
  );
});

test("ten thousand canceled timers are forgotten before their time", () => {
  const clock = new ManualClock();
  const timerQueue = new TimerQueue(clock);
  const ran: string[] = [];
  const timers = Array.from({ length: 10_000 }, (_, n) =>
    timerQueue.add(clock.now() + 1_000 + n, () => ran.push("x")),
  );
  timerQueue.add(clock.now() + 5_500, () => ran.push("kept"));
  for (const timer of timers) timerQueue.cancel(timer);
  expect(timerQueue.size).toBeLessThan(1_500);
  clock.advance(20_000);
  expect(ran).toEqual(["kept"]);
});

test("a fifo gives what was put in, in order, without what was withdrawn", () => {
  const steps = fc.array(fc.oneof(fc.constant("push"), fc.constant("shift"), fc.nat(200)), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(steps, (sequence) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      let next = 0;
      for (const step of sequence) {
        if (step === "push") {
          fifo.push(next);
          model.push(next++);
        } else if (step === "shift") {
          expect(fifo.shift()).toBe(model.shift());
        } else {
          const index = model.indexOf(Number(step));
          expect(fifo.remove(Number(step))).toBe(index >= 0);
          if (index >= 0) model.splice(index, 1);
        }
        expect(fifo.size).toBe(model.length);
      }
    }),
    { seed: 20_261_124 },
  );
});

test("the system clock is never early", async () => {
  const time = Date.now() + 30;
  const ranAt = await new Promise<number>((resolve) => systemClock.at(time, () => resolve(Date.now())));
  expect(ranAt).toBeGreaterThanOrEqual(time);
});
