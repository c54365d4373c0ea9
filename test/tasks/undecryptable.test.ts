import { describe, expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { deliver } from "../../src/deliveries/deliver.ts";
import { openSecrets } from "../../src/endpoints/signing-secrets.ts";
import type { Store } from "../../src/ports/store.ts";
import { system } from "../../src/projects/principal.ts";
import type { AnyTask } from "../../src/task.ts";
import { createRunTimes } from "../../src/tasks/run-times.ts";
import { accepted, claimed, type Environment, environments, newDelivery } from "../redis/store-fixture.ts";
import { fetcherOf, queueOf, settingsOf } from "../support/parts.ts";

const lost = createKeyring(webCrypto, "the master secret that was removed too early");
const present = createKeyring(webCrypto, "the master secret of now, and of now alone");
const secret = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";

/** What a deliver step uses; what is sent is noted. */
function delivering(store: Store, sent: string[]) {
  return {
    settings: settingsOf(),
    store,
    keyring: present,
    hashes: webCrypto,
    sign: (secrets: readonly string[]) => Promise.resolve(secrets.join(" ")),
    fetcher: fetcherOf({
      fetch: (_url, { headers }) => {
        sent.push(new Headers(headers).get("webhook-signature") ?? "");
        return Promise.resolve(new Response(null, { status: 204 }));
      },
      read: () => Promise.resolve({ text: "", truncated: false }),
    }),
    queue: queueOf(),
    tasks: new Map<string, AnyTask>(),
    log: () => undefined,
    runTimes: createRunTimes(),
    random: () => 0.5,
    clock: Date.now,
  };
}

/** A pending delivery in a project that signs with these secrets; its body is sealed by that store. */
async function pending({ store, caller }: Environment, sealing: Store, signing: readonly unknown[]) {
  const { project } = caller;
  const config = await store.readConfig(system(project), "admin");
  const version = config.kind === "found" ? config.config.version : 0;
  await store.configure({
    caller,
    scope: "admin",
    version,
    json: JSON.stringify({ signing, endpoints: [] }),
    id: project,
    deliveries: [],
    nonce: crypto.randomUUID(),
  });
  const task = await accepted(store, caller, { callback: undefined });
  const { record, lease } = await claimed(store, task);
  const delivery = { ...newDelivery(), taskId: task.id };
  await sealing.end({
    record,
    authority: { by: "lease", lease, attempt: 1 },
    outcome: { kind: "succeeded", endedAt: Date.now(), resultTtl: 60_000, deliveries: [delivery] },
    actor: "worker",
    nonce: crypto.randomUUID(),
  });
  return delivery.id;
}

describe.each(await environments())("what nothing opens, on the %s engine", (_kind, environment) => {
  const { caller, encrypting } = environment;
  const over = encrypting(present);
  const binding = { purpose: "signing-secret", project: caller.project } as const;
  const attempts = async (id: string) => {
    const found = await over.readDeliveries(caller, [id]);
    return found.kind === "found" ? found.records[0] : undefined;
  };

  test("a delivery whose signing secret is lost is dead by a code of its own", async () => {
    const sent: string[] = [];
    const id = await pending(environment, over, [{ wrapped: await lost.encrypt(secret, binding) }]);
    const message = { v: 1, project: caller.project, delivery: id, attempt: 1 } as const;
    expect(await deliver(delivering(over, sent), message)).toEqual({ status: 200 });
    expect(await attempts(id)).toMatchObject({
      status: "dead",
      attempts: [{ error: { code: "undecryptable" } }],
    });
    expect(sent).toEqual([]);
  });

  test("a delivery whose body is lost is dead by a code of its own", async () => {
    const id = await pending(environment, encrypting(lost), [
      { wrapped: await present.encrypt(secret, binding) },
    ]);
    const message = { v: 1, project: caller.project, delivery: id, attempt: 1 } as const;
    expect(await deliver(delivering(over, []), message)).toEqual({ status: 200 });
    expect(await attempts(id)).toMatchObject({
      status: "dead",
      attempts: [{ error: { code: "undecryptable" } }],
    });
  });

  test("a secret that still opens signs, although the one before it is lost", async () => {
    const sent: string[] = [];
    const secrets = [
      { wrapped: await present.encrypt(secret, binding) },
      { wrapped: await lost.encrypt(secret, binding), expiresAt: Date.now() + 60_000 },
    ];
    const id = await pending(environment, over, secrets);
    const message = { v: 1, project: caller.project, delivery: id, attempt: 1 } as const;
    await deliver(delivering(over, sent), message);
    expect(await attempts(id)).toMatchObject({ status: "delivered" });
    expect(sent).toEqual([secret]);
    expect(await openSecrets(present, caller.project, secrets, Date.now())).toEqual([{ secret }]);
  });
});
