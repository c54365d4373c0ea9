import { describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import { component } from "../../src/shared/schema/schema.ts";

describe("component", () => {
  const make = vi.fn(() => z.object({ name: z.string() }));
  const schema = component("Named", make, { description: "Has a name.", example: { name: "one" } });

  it("makes its schema with its first use, once", () => {
    const list = z.array(schema);
    expect(make).not.toHaveBeenCalled();
    expect(z.parse(list, [{ name: "one" }, { name: "two" }])).toHaveLength(2);
    expect(z.safeParse(schema, { name: 1 }).success).toBe(false);
    expect(make).toHaveBeenCalledOnce();
  });
});
