import { describe, expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { deliver } from "../../src/deliveries/deliver.ts";
import type { Store } from "../../src/ports/store.ts";
import type { AnyTask } from "../../src/task.ts";
import { accepted, claimed, environments, newDelivery } from "../redis/store-fixture.ts";
import { fetcherOf, queueOf, settingsOf, unexpected } from "../support/parts.ts";

/** The parts that a delivery needs, over a real store; whoever calls a receiver through them fails the test. */
function partsOver(store: Store) {
  return {
    store,
    settings: settingsOf(),
    hashes: webCrypto,
    keyring: createKeyring(webCrypto, "a master secret for tests, and for nothing else"),
    sign: unexpected,
    fetcher: fetcherOf(),
    queue: queueOf({ publish: unexpected, publishAll: unexpected }),
    tasks: new Map<string, AnyTask>(),
    log: () => undefined,
    random: () => 0.5,
    clock: Date.now,
  };
}

describe.each(await environments())(
  "an event that the next one overtakes, on the %s engine",
  (_kind, environment) => {
    const { store, caller, at, dueOf } = environment;
    const announced = async (lease?: string) => {
      const { record } = await claimed(store, await accepted(store, caller), "mine");
      const delivery = { ...newDelivery(lease), eventType: "task.progress", once: true };
      const answer = await store.announce({ record, lease: "mine", deliveries: [delivery] });
      expect(answer.kind).toBe("opened");
      return delivery.id;
    };
    const settled = async (delivery: string) => {
      const found = await store.readDeliveries(caller, [delivery]);
      if (found.kind !== "found") throw new Error(found.kind);
      expect(await dueOf(caller.project, delivery)).toBeUndefined();
      return found.records[0];
    };

    test("is dead, not sent, when its sender was interrupted", async () => {
      const delivery = await announced("first");
      const message = { v: 1, project: caller.project, delivery, attempt: 1 } as const;
      expect(await deliver(partsOver(store), message)).toMatchObject({ status: 503 });
      expect(await deliver(partsOver(at(21_000)), message)).toEqual({ status: 200 });
      expect(await settled(delivery)).toMatchObject({
        status: "dead",
        attempts: [{ error: { code: "response-aborted" } }],
      });
    });

    test("is dead, not sent, when nobody sent it in time", async () => {
      const delivery = await announced();
      const message = { v: 1, project: caller.project, delivery, attempt: 1 } as const;
      expect(await deliver(partsOver(at(31_000)), message)).toEqual({ status: 200 });
      expect(await settled(delivery)).toMatchObject({
        status: "dead",
        attempts: [{ error: { code: "response-aborted" } }],
      });
    });
  },
);
