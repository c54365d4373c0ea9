import { describe, expect, test } from "vitest";
import { makeId } from "../../src/shared/id.ts";
import { traceFrom, traceHeaders, traceIdOf, traceOf } from "../../src/shared/trace/trace-context.ts";

const CLIENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const id = (fill: number) => makeId("task", 1_800_000_000_000, 0, new Uint8Array(8).fill(fill));

describe("the trace of a task", () => {
  test("is the client's, as it came", () => {
    expect(traceFrom({ id: id(1), trace: `${CLIENT} a=1` })).toBe(`${CLIENT} a=1`);
    expect(traceIdOf({ id: id(1), trace: CLIENT })).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
  });

  test("follows from the task's id where there is none: the same each time, another for each task", () => {
    const [one, again, other] = [id(1), id(1), id(2)].map((task) => traceFrom({ id: task }));
    expect(one).toBe(again);
    expect(one).not.toBe(other);
  });

  test("is one that others can continue, for every id", () => {
    for (const fill of [0, 1, 127, 255]) {
      const trace = traceFrom({ id: id(fill) });
      expect(traceOf(trace)).toBe(trace);
      expect(traceIdOf({ id: id(fill) })).toBe(trace.slice(3, 35));
    }
  });

  test("goes out as one traceparent, and a tracestate where the client had one", () => {
    expect(traceHeaders(CLIENT)).toEqual({ traceparent: CLIENT });
    expect(traceHeaders(`${CLIENT} a=1,b=2 c`)).toEqual({ traceparent: CLIENT, tracestate: "a=1,b=2 c" });
  });
});
