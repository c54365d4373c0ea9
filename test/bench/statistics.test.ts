import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { cpuOfGroups } from "../../bench/cpu.ts";
import { bootstrap, median, quantile } from "../../bench/statistics.ts";

test("medians and quantiles", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(quantile([1, 2, 3, 4], 0.99)).toBe(4);
  expect(() => median([])).toThrow("no values");
});

test("the interval holds the median, is narrow for equal values, and is the same each time", () => {
  expect(bootstrap([2, 2, 2, 2])).toEqual({ median: 2, low: 2, high: 2 });
  const values = [1.9, 2.1, 2.0, 2.4, 1.7, 2.2, 1.8, 2.0, 2.1];
  const estimate = bootstrap(values);
  expect(estimate.low).toBeLessThan(estimate.median);
  expect(estimate.high).toBeGreaterThan(estimate.median);
  expect(estimate.low).toBeGreaterThanOrEqual(1.7);
  expect(estimate.high).toBeLessThanOrEqual(2.4);
  expect(bootstrap(values)).toEqual(estimate);
});

test("the CPU time of a process group counts its children, and not what sleeps", async () => {
  // A shell that has a child of its own use a fifth of a second, then sleeps.
  const busy = "while (process.cpuUsage().user < 200_000);";
  const child = spawn("/bin/sh", ["-c", `"$0" -e '${busy}'; echo done; sleep 60`, process.execPath], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    const { pid } = child;
    if (pid === undefined) throw new Error("there is no shell");
    await once(child.stdout, "data");
    const [used] = await cpuOfGroups([pid]);
    expect(used).toBeGreaterThanOrEqual(190_000); // in ticks of 10 ms
    expect(await cpuOfGroups([pid])).toEqual([used]);
  } finally {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }
});
