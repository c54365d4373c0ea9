import { expect, test } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { environment } from "./complete.ts";

test("slashes at the end of an address are no part of it", () => {
  const config = readConfig({
    ...environment,
    UPSTASH_REDIS_REST_URL: "https://redis.example.com/",
    QSTASH_URL: "https://qstash.example.com//",
    RINGBACK_PUBLIC_URL: "https://ringback.example.com/base/",
  });
  expect(config.redis.url).toBe("https://redis.example.com");
  expect(config.qstash.url).toBe("https://qstash.example.com");
  expect(config.settings.publicUrl).toBe("https://ringback.example.com/base");
});

test.each([
  ["https://例え.jp/", "https://xn--r8jz45g.jp"],
  ["https://Bücher.example:443/ä/", "https://xn--bcher-kva.example/%C3%A4"],
  ["https://RINGBACK.example.com:443", "https://RINGBACK.example.com:443"], // as QStash signs it
])("the public address is one that a header can carry: %s", (value, publicUrl) => {
  const config = readConfig({ ...environment, RINGBACK_PUBLIC_URL: value });
  expect(config.settings.publicUrl).toBe(publicUrl);
  expect(new Headers({ location: config.settings.publicUrl }).get("location")).toBe(publicUrl);
});
