import { describe, expect, test } from "vitest";
import { isTerminal, MOVES, type StoredStatus, TERMINAL, visibleStatus } from "../../src/tasks/status.ts";

const ALL = Object.keys(MOVES) as StoredStatus[]; // its own keys

/** The state machine as the architecture page draws it; every pair that is not here is no move. */
const DRAWN = new Set([
  "queued>running",
  "running>waiting",
  "running>queued",
  "waiting>queued",
  ...["queued", "running", "waiting"].flatMap((from) => TERMINAL.map((to) => `${from}>${to}`)),
  ...TERMINAL.map((from) => `${from}>queued`),
]);

describe("the state machine", () => {
  const pairs = ALL.flatMap((from) => ALL.map((to) => [from, to] as const));

  test.each(pairs)("%s to %s is a move exactly when it is drawn", (from, to) => {
    expect(MOVES[from].includes(to)).toBe(DRAWN.has(`${from}>${to}`));
  });

  test("a terminal status is left by a replay alone", () => {
    for (const status of TERMINAL) {
      expect(isTerminal(status)).toBe(true);
      expect(MOVES[status]).toEqual(["queued"]);
    }
    expect(
      ["scheduled", "queued", "running", "waiting"].some((status) => isTerminal(status as StoredStatus)),
    ).toBe(false);
  });
});

describe("what a client reads", () => {
  test("`scheduled` is a queued task whose first attempt lies ahead", () => {
    expect(visibleStatus("queued", 0, 2_000, 1_000)).toBe("scheduled");
    expect(visibleStatus("queued", 0, 1_000, 1_000)).toBe("queued");
    expect(visibleStatus("queued", 1, 2_000, 1_000)).toBe("queued");
    expect(visibleStatus("running", 0, 2_000, 1_000)).toBe("running");
    expect(visibleStatus("canceled", 0, 2_000, 1_000)).toBe("canceled");
  });
});
