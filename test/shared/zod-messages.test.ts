import { expect, test } from "vitest";
import * as classic from "zod";
import * as mini from "zod/mini";
import { IN_WORDS } from "../../src/shared/schema/zod-messages.ts";

test.each([
  ["zod/mini, which has no words", mini.object({ n: mini.number() })],
  ["zod, which brings its own words", classic.object({ n: classic.number() })],
])("faults are told in our words with %s", (_of, schema) => {
  const messages = (given: unknown) =>
    mini.safeParse(schema, given, IN_WORDS).error?.issues.map(({ message }) => message);
  expect(messages({})).toEqual(["is required"]);
  expect(messages({ n: "1" })).toEqual(["must be a number"]);
});

test("a schema's own message counts more", () => {
  const schema = mini.string().check(mini.regex(/^a/, "must begin with a"));
  expect(mini.safeParse(schema, "b", IN_WORDS).error?.issues[0]?.message).toBe("must begin with a");
});
