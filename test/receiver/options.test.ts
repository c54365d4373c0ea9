import { describe, expect, it } from "vitest";
import { type VerifyOptions, verifyCallback } from "../../src/receiver/index.ts";
import { codeOf, newSecret, requestOf } from "./signed.ts";

const secret = newSecret();

/** JavaScript can give anything. */
const given = (options: Readonly<Record<string, unknown>>) => options as unknown as VerifyOptions;

describe("options that mean nothing are a TypeError, and verify nothing", () => {
  const wrong: readonly unknown[] = [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -1,
    "300",
    "",
    null,
    true,
    300n,
    [300],
    {},
    () => 300,
  ];
  for (const name of ["tolerance", "maxBody", "now()"]) {
    it.each(wrong)(`${name} of %s`, async (value) => {
      const options = given(name === "now()" ? { now: () => value } : { [name]: value });
      const old = requestOf(secret, { at: new Date(Date.now() - 104 * 86_400_000) });
      for (const request of [old, requestOf(secret)]) {
        await expect(verifyCallback(request, secret, options)).rejects.toBeInstanceOf(TypeError);
      }
    });
  }

  it.each([null, {}, { seen: true }, "seen", 5])("replays of %s, and a clock that is none", async (value) => {
    for (const options of [given({ replays: value }), given({ now: value })]) {
      await expect(verifyCallback(requestOf(secret), secret, options)).rejects.toBeInstanceOf(TypeError);
    }
  });

  it("a tolerance of 0 is one", async () => {
    const sentAt = new Date(Math.floor(Date.now() / 1_000) * 1_000);
    const verifiedAt = (ms: number) =>
      verifyCallback(requestOf(secret, { at: sentAt }), secret, {
        tolerance: 0,
        now: () => sentAt.getTime() + ms,
      });
    expect((await verifiedAt(0)).type).toBe("task.succeeded");
    expect(await codeOf(verifiedAt(1_000))).toBe("too-old");
  });
});
