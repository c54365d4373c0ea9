import { expect, test } from "vitest";
import { ConfigError, readConfig } from "../../src/config/config.ts";

const DAY = 86_400_000;
const REQUIRED = {
  UPSTASH_REDIS_REST_URL: "http://127.0.0.1:8079",
  UPSTASH_REDIS_REST_TOKEN: "a token",
  QSTASH_TOKEN: "a token",
  QSTASH_CURRENT_SIGNING_KEY: "current",
  QSTASH_NEXT_SIGNING_KEY: "next",
  RINGBACK_PUBLIC_URL: "https://ringback.example.com",
  RINGBACK_MASTER_SECRET: "a master secret of some length",
  RINGBACK_ADMIN_TOKEN: "an admin token of some length",
};

const retentionOf = (env: Record<string, string>) => readConfig({ ...REQUIRED, ...env }).retention;

test("has a default per outcome", () => {
  const task = { succeeded: 7 * DAY, failed: 14 * DAY, canceled: 7 * DAY, expired: 14 * DAY };
  expect(retentionOf({})).toEqual({ task, delivery: 14 * DAY, result: 7 * DAY });
});

test("is one duration for all outcomes, or JSON for some", () => {
  const all = { succeeded: 60_000, failed: 60_000, canceled: 60_000, expired: 60_000 };
  expect(retentionOf({ RINGBACK_TASK_RETENTION: "1m" }).task).toEqual(all);
  expect(retentionOf({ RINGBACK_TASK_RETENTION: '{"failed":"90d"}' }).task).toEqual({
    ...{ succeeded: 7 * DAY, failed: 90 * DAY },
    ...{ canceled: 7 * DAY, expired: 14 * DAY },
  });
  expect(retentionOf({ RINGBACK_DELIVERY_RETENTION: "90d" }).delivery).toBe(90 * DAY);
});

const FORM = 'must be a duration such as 7d, or JSON such as {"succeeded":"3d","failed":"14d"}';

for (const [value, fault] of [
  ["often", `RINGBACK_TASK_RETENTION ${FORM}`],
  ["{", `RINGBACK_TASK_RETENTION ${FORM}`],
  ["[]", `RINGBACK_TASK_RETENTION ${FORM}`],
  ["59s", "RINGBACK_TASK_RETENTION must be 1m to 90d"],
  ['{"failed":"91d"}', "RINGBACK_TASK_RETENTION.failed must be 1m to 90d"],
  ['{"expired":"soon"}', "RINGBACK_TASK_RETENTION.expired must be a duration such as 7d"],
  ['{"expired":7}', "RINGBACK_TASK_RETENTION.expired must be a string"],
  ['{"done":"7d"}', "RINGBACK_TASK_RETENTION.done is not a known field"],
] as const) {
  test(`refuses ${value}`, () => {
    expect(() => retentionOf({ RINGBACK_TASK_RETENTION: value })).toThrow(new ConfigError(fault));
  });
}
