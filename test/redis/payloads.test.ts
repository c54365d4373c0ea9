import { describe, expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { acceptCommand, claimed, environments, newDelivery, succeeded } from "./store-fixture.ts";

const SECRET = "payload-that-nobody-may-read";
const cipher = createKeyring(webCrypto, "the master secret of this very test");

describe.each(await environments())("encrypted payloads on the %s engine", (_kind, environment) => {
  const { caller, encrypting, redis } = environment;
  const store = encrypting(cipher);
  const holding = async () => {
    const keys = (await redis("KEYS", `rb1:000:${caller.project}:*`))?.split(",") ?? [];
    const texts = await Promise.all(
      keys.map(async (key) => {
        const type = await redis("TYPE", key);
        if (type === "hash") return await redis("HGETALL", key);
        return type === "string" ? await redis("GET", key) : "";
      }),
    );
    return texts.filter((text) => text?.includes(SECRET));
  };

  test.for([1, 40_000])(
    "of %d repetitions leave no clear text in Redis, and are read as they were",
    async (n) => {
      const input = JSON.stringify(SECRET.repeat(n));
      const result = JSON.stringify([SECRET.repeat(n)]);
      const answer = await store.accept(acceptCommand(caller, { input }));
      if (answer.kind !== "accepted") throw new Error(answer.kind);
      const held = await claimed(store, answer.record);
      const shared = { ...newDelivery(), body: `{"shared":"${SECRET}"}`, shared: true };
      const own = { ...newDelivery(), body: `{"own":"${SECRET}"}` };
      await store.end(succeeded(held.record, held.lease, { result, deliveries: [shared, own] }));
      expect(await holding()).toEqual([]);
      const found = await store.readTask(caller, answer.record.id, { input: true, result: true });
      expect(found).toMatchObject({ record: { input: { json: input }, result: { json: result } } });
      expect(await store.readBody(caller.project, shared.eventId, shared.format)).toBe(shared.body);
      const leased = await store.leaseDelivery({
        project: caller.project,
        delivery: own.id,
        attempt: 1,
        lease: "mine",
        length: 1_000,
      });
      expect(leased).toMatchObject({ kind: "begun", record: { body: own.body } });
    },
  );
});
