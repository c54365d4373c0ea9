import { TypeID } from "typeid-js";
import { expect, test } from "vitest";
import { deriveId, idBytes, idOf, isId, makeId, partitionOf } from "../../src/shared/id.ts";

const random = Uint8Array.from([0xff, 1, 2, 3, 4, 5, 6, 7]);

test("ids are what the reference implementation of TypeID makes of the same bytes, and reads", () => {
  for (let i = 0; i < 200; i++) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const id = idOf("task", bytes);
    expect(id).toBe(TypeID.fromUUIDBytes("task", bytes).toString());
    expect(idBytes(id)).toEqual(bytes);
    expect(isId("task", id)).toBe(true);
    expect(isId("del", id)).toBe(false);
  }
});

test("a new id is a UUIDv7 whose rand_a is the partition", () => {
  const id = makeId("task", 1_700_000_000_123, 0xabc, random);
  const uuid = TypeID.fromString(id).toUUID();
  expect(uuid).toMatch(/^018bcfe5-687b-7abc-bf01-/);
  expect(partitionOf(id)).toBe(0xabc);
});

test("a derived id is a UUIDv8 with the source's time and partition, the same each time", () => {
  const source = makeId("task", 1_700_000_000_123, 5, random);
  const digest = Uint8Array.from({ length: 32 }, (_, i) => i);
  const id = deriveId("evt", source, digest);
  expect(TypeID.fromString(id).toUUID()).toMatch(/^018bcfe5-687b-8005-8001-020304050607$/);
  expect(deriveId("evt", source, digest)).toBe(id);
  expect(partitionOf(id)).toBe(5);
});

test("what is no id is told apart", () => {
  for (const text of [
    "",
    "task_",
    "task_8zzzzzzzzzzzzzzzzzzzzzzzzz",
    "task_0123456789abcdefghijklmnop",
    "TASK_00000000000000000000000000",
  ]) {
    expect(isId("task", text)).toBe(false);
  }
  expect(() => idBytes("task_nonsense")).toThrow();
});
