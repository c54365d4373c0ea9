import { describe, expect, test } from "vitest";
import {
  type Endpoint,
  encryptedTexts,
  findEndpoint,
  mapEncrypted,
  type ProjectConfig,
  parseConfig,
  rateOf,
  subscribersOf,
  validSecrets,
  withEndpoint,
} from "../../src/projects/project-config.ts";

function endpoint(id: string, changes: Partial<Endpoint> = {}): Endpoint {
  return {
    id,
    url: "https://a.example/",
    events: ["task.*"],
    format: "full",
    signatures: ["v1"],
    secrets: [{ wrapped: `${id}-secret` }],
    createdAt: 1,
    ...changes,
  };
}

const config: ProjectConfig = {
  signing: [{ wrapped: "s1" }, { wrapped: "s0", expiresAt: 10 }],
  ed25519: { wrapped: "pair", x: "public" },
  endpoints: [
    endpoint("ep_a", { headers: { "x-shop": "1", authorization: { wrapped: "header" } } }),
    endpoint("ep_b", { events: ["task.failed"] }),
  ],
};

describe("a project's configuration", () => {
  test("is read once, and a text from before there were endpoints has none", () => {
    const stored = { version: 1, json: '{"signing":[{"wrapped":"s"}]}' };
    expect(parseConfig(stored)).toEqual({ signing: [{ wrapped: "s" }], endpoints: [] });
    expect(parseConfig(stored)).toBe(parseConfig(stored));
    expect(parseConfig({ version: 0, json: "{}" })).toEqual({ signing: [], endpoints: [] });
  });

  test("survives being stored", () => {
    expect(parseConfig({ version: 2, json: JSON.stringify(config) })).toEqual(config);
  });

  test("an endpoint is changed in its place, added at the end, removed", () => {
    const ids = ({ endpoints }: ProjectConfig) => endpoints.map(({ id }) => id);
    const changed = withEndpoint(config, "ep_a", endpoint("ep_a", { description: "new" }));
    expect(ids(changed)).toEqual(["ep_a", "ep_b"]);
    expect(findEndpoint(changed, "ep_a")?.description).toBe("new");
    expect(ids(withEndpoint(config, "ep_c", endpoint("ep_c")))).toEqual(["ep_a", "ep_b", "ep_c"]);
    expect(ids(withEndpoint(config, "ep_a", undefined))).toEqual(["ep_b"]);
    expect(ids(withEndpoint(config, "ep_x", undefined))).toEqual(["ep_a", "ep_b"]);
    expect(ids(config)).toEqual(["ep_a", "ep_b"]);
  });

  test("an event concerns those that subscribe, whatever their state", () => {
    const off = withEndpoint(config, "ep_a", endpoint("ep_a", { disabled: { reason: "x", at: 1 } }));
    expect(subscribersOf(off, "task.failed").map(({ id }) => id)).toEqual(["ep_a", "ep_b"]);
    expect(subscribersOf(off, "task.succeeded").map(({ id }) => id)).toEqual(["ep_a"]);
  });

  test("every sealed text is found, and replaced in its place", () => {
    const all = ["s1", "s0", "pair", "ep_a-secret", "header", "ep_b-secret"];
    expect(encryptedTexts(config)).toEqual(all);
    const replaced = mapEncrypted(config, (text) => `${text}!`);
    expect(encryptedTexts(replaced)).toEqual(all.map((text) => `${text}!`));
    expect(mapEncrypted(replaced, (text) => text.slice(0, -1))).toEqual(config);
  });

  test("a secret signs until it expires", () => {
    expect(validSecrets(config.signing, 9)).toHaveLength(2);
    expect(validSecrets(config.signing, 10)).toEqual([{ wrapped: "s1" }]);
  });

  test("the lower of the project's rate and the receiver's counts", () => {
    expect(rateOf(endpoint("ep_a"))).toBeUndefined();
    expect(rateOf(endpoint("ep_a", { rateLimit: 5 }))).toBe(5);
    expect(rateOf(endpoint("ep_a", { rateLimit: 5, allowedRate: 120 }))).toBe(2);
    expect(rateOf(endpoint("ep_a", { rateLimit: 1, allowedRate: 120 }))).toBe(1);
    expect(rateOf(endpoint("ep_a", { allowedRate: 30 }))).toBe(0.5);
  });
});
