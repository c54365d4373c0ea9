import { expect, test } from "vitest";
import { CONFLICT, CONFLICT_TRIES, retryOnConflict } from "../../src/shared/retry-on-conflict.ts";

const kept = (): never => {
  throw new Error("it keeps changing");
};

test("a change that meets a conflict is tried again, and its outcome is the last try's", async () => {
  let tries = 0;
  const outcome = await retryOnConflict(async () => (++tries < 3 ? CONFLICT : "done"), kept);
  expect([tries, outcome]).toEqual([3, "done"]);
});

test("a change that meets a conflict each time is given up after a fixed number of tries", async () => {
  let tries = 0;
  const attempt = async (): Promise<typeof CONFLICT> => {
    tries += 1;
    return CONFLICT;
  };
  await expect(retryOnConflict<never>(attempt, kept)).rejects.toThrow("it keeps changing");
  expect(tries).toBe(CONFLICT_TRIES);
  expect(await retryOnConflict<string>(attempt, () => "later", 2)).toBe("later");
  expect(tries).toBe(CONFLICT_TRIES + 2);
});

test("a failure of an attempt is not repeated", async () => {
  let tries = 0;
  const attempt = async () => {
    tries += 1;
    throw new Error("refused");
  };
  await expect(retryOnConflict<never>(attempt, kept)).rejects.toThrow("refused");
  expect(tries).toBe(1);
});
