import { describe, expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { firstConfig } from "../../src/endpoints/signing-secrets.ts";
import { encryptedPayloads, listEncrypted, reEncryptSome } from "../../src/projects/re-encrypt.ts";
import { makeId } from "../../src/shared/id.ts";
import { accepted, environments, newDelivery } from "./store-fixture.ts";

const [OLD, NEW] = ["the first master secret, 01", "the second master secret, 02"];

describe.each(await environments())(
  "what a master secret has encrypted, on the %s engine",
  (_kind, found) => {
    const { store, caller, redis } = found;
    const prefix = `rb1:000:${caller.project}`;

    /** Whether a whole pass over all keys finds something. */
    async function finds(generation: string): Promise<boolean> {
      let any = false;
      let cursor = "0";
      do {
        const page = await store.findEncrypted(cursor, generation);
        any ||= page.found;
        cursor = page.cursor;
      } while (cursor !== "0");
      return any;
    }

    test("is found wherever a payload lies, in its present and its older form, and among many keys", async () => {
      const task = await accepted(store, caller, { input: '{"in":"the clear"}' });
      for (let n = 0; n < 250; n++) await redis("HSET", `${prefix}:d:${newDelivery().id}`, "status", "dead");
      const { eventId, id: delivery } = newDelivery();
      const places: readonly (readonly [string, string, ...string[]])[] = [
        ["a small input", `${prefix}:t:${task.id}`, "HSET", "in"],
        ["a small result", `${prefix}:t:${task.id}`, "HSET", "out"],
        ["a body", `${prefix}:d:${delivery}`, "HSET", "body"],
        ["a large input", `${prefix}:t:${task.id}:in`, "SET"],
        ["a large result", `${prefix}:t:${task.id}:out:2`, "SET"],
        ["a shared body", `${prefix}:e:${eventId}:full`, "SET"],
        ["an answer with an API key", `${prefix}:idem:abc`, "SET"],
      ];
      for (const [what, key, command = "", ...field] of places) {
        for (const form of ["00c0ffee.", "v2.00c0ffee."]) {
          const text = key.includes(":idem:") ? `print key_1 ${form}sealed` : `~${form}sealed`;
          await redis(command, key, ...field, text);
          expect(await finds("00c0ffee"), `${what}, ${form}`).toBe(true);
          expect(await finds("00000000"), what).toBe(false);
          if (command === "SET") await redis("DEL", key);
          else await redis("HDEL", key, ...field);
        }
        expect(await finds("00c0ffee"), `${what}, gone`).toBe(false);
      }
    });

    test("every project's secrets are encrypted anew though no process remembers how far it came", async () => {
      const old = createKeyring(webCrypto, OLD);
      const ids = Array.from({ length: 60 }, () =>
        makeId("prj", Date.now(), 0, crypto.getRandomValues(new Uint8Array(8))),
      );
      for (const id of ids) {
        await store.nameProject(`reseal-${id}`, id);
        await store.initProject(id, `reseal-${id}`, await firstConfig(old, id));
      }
      /** As a fresh isolate has it. */
      const deps = () => ({ keyring: createKeyring(webCrypto, NEW, OLD), store, log: () => undefined });
      const left = async () =>
        (await listEncrypted(deps())).filter(({ id, previous }) => ids.includes(id) && previous > 0);
      expect(await left()).toHaveLength(60);
      expect(await encryptedPayloads(deps())).toBe("checking");
      for (let sweep = 0; sweep < 3; sweep++) await reEncryptSome(deps(), 25);
      expect(await left()).toHaveLength(0);
      // The next round begins again: somebody may have used the old one meanwhile.
      for (let sweep = 0; sweep < 4; sweep++) await reEncryptSome(deps(), 25);
      expect(["needed", "clear"]).toContain(await encryptedPayloads(deps()));
      expect(await encryptedPayloads({ ...deps(), keyring: createKeyring(webCrypto, NEW) })).toBeUndefined();
      expect(
        await encryptedPayloads({ ...deps(), keyring: createKeyring(webCrypto, "a third one, 03", NEW) }),
      ).toBe("checking");
    });
  },
);
