import fc from "fast-check";
import { expect, it } from "vitest";
import { itemTexts } from "../../../src/shared/json/json-items.ts";

it("an item's text is what was written, spaces and escapes included", () => {
  const text =
    ' { "a" : [1, 2], "t\\u0061sks" : [ {"n": 1e2, "s": "],[" } , "\\u6f22" , [ ] ,1 ] , "b":{"tasks":[3]} } ';
  expect(itemTexts(text, "tasks")).toEqual(['{"n": 1e2, "s": "],[" }', '"\\u6f22"', "[ ]", "1"]);
});

it("the last member of that name counts, and what is no array has no items", () => {
  expect(itemTexts('{"tasks":[1],"tasks":[2,3]}', "tasks")).toEqual(["2", "3"]);
  expect(itemTexts('{"tasks":[1],"tasks":{"a":1}}', "tasks")).toEqual([]);
  for (const text of ["{}", "[[1]]", "1", '"tasks"', '{"tasks":[]}', '{"tasks":[ ]}', '{"b":[1]}']) {
    expect(itemTexts(text, "tasks"), text).toEqual([]);
  }
});

it("each item's text means what the item is", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.jsonValue(), fc.nat({ max: 2 }), (tasks, other, indent) => {
      const texts = itemTexts(JSON.stringify({ other, tasks, last: other }, null, indent), "tasks");
      expect(texts.map((text) => JSON.parse(text))).toEqual(JSON.parse(JSON.stringify(tasks)));
    }),
  );
});
