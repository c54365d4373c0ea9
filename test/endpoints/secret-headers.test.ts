import { expect, test } from "vitest";
import { sameOrigin } from "../../src/endpoints/secret-headers.ts";

const HOME = "https://bücher.example/hooks";

test.each([
  "https://bücher.example/",
  "https://xn--bcher-kva.example/other?a=b",
  "https://BÜCHER.EXAMPLE/hooks",
  "HTTPS://bücher.example:443/hooks",
  "https://b%C3%BCcher.example/",
])("%s is at the origin", (url) => {
  expect(sameOrigin(url, HOME)).toBe(true);
});

test.each([
  "http://bücher.example/hooks",
  "https://bücher.example:8443/hooks",
  "https://bucher.example/hooks",
  "https://bücher.example./hooks",
  "https://bücher.example.attacker.example/hooks",
  "https://bücher.example@attacker.example/hooks",
  "https://attacker.example/bücher.example/hooks",
  "https://attacker.example\\@bücher.example/hooks",
  "data:,x",
  "no url",
])("%s is not", (url) => {
  expect(sameOrigin(url, HOME)).toBe(false);
});
