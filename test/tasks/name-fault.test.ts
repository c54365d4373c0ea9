import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { type AnyTask, defineTask } from "../../src/task.ts";
import { nameFault } from "../../src/tasks/name-fault.ts";

const declare = (type: string): AnyTask => defineTask({ type, input: z.unknown(), handler: () => undefined });

describe("a type that no client could submit or find stops the start", () => {
  test.each(["", "a|b", "|", "a\nb", "a\u0000", "a\u007f", "half \ud83d", "a".repeat(129)])("%j", (type) => {
    expect(nameFault(declare(type))).toContain("needs a name of 1 to 128 characters");
  });

  test("none at all", () => {
    const nameless = declare("");
    Reflect.deleteProperty(nameless, "type");
    expect(nameFault(nameless)).toContain("needs a name");
  });

  test.each([
    "a",
    "text.shout",
    "video:encode",
    "reports/pdf v2",
    "größe.messen",
    "😀",
    "a".repeat(128),
    "😀".repeat(128),
  ])("but not %j", (type) => {
    expect(nameFault(declare(type))).toBeUndefined();
  });
});
