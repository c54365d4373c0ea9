import { describe, expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { createSign } from "../../src/adapters/crypto/sign.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import type { Store } from "../../src/ports/store.ts";
import type { TaskToken } from "../../src/projects/principal.ts";
import type { Service } from "../../src/services/service.ts";
import type { AnyTask } from "../../src/task.ts";
import { conclusion, report } from "../../src/tasks/run/report.ts";
import { createRunTimes } from "../../src/tasks/run-times.ts";
import { accepted, environments } from "../redis/store-fixture.ts";
import { fetcherOf, queueOf, settingsOf } from "../support/parts.ts";

/** What a token's word is heard by: the real store, and nobody to tell. */
function hearing(store: Store) {
  return {
    settings: settingsOf({ resultTtl: 60_000 }),
    store,
    keyring: createKeyring(webCrypto, "a master secret for tests, and for nothing else"),
    queue: queueOf(),
    fetcher: fetcherOf(),
    sign: createSign(webCrypto),
    hashes: webCrypto,
    tasks: new Map<string, AnyTask>(),
    services: new Map<string, Service>(),
    background: { waitUntil: (work: Promise<unknown>) => void work },
    log: () => undefined,
    runTimes: createRunTimes(),
    random: () => 0.5,
    clock: Date.now,
  };
}

describe.each(await environments())("a service's word on the %s engine", (_kind, { store, caller }) => {
  const ctx = hearing(store);
  /** A task whose service was called a moment ago, which nothing in Redis tells of yet. */
  async function called(): Promise<TaskToken> {
    const { id: task, project, run, deadlineAt } = await accepted(store, caller, { callback: undefined });
    return { project, task, run, attempt: 1, expiresAt: deadlineAt };
  }
  const noted = ({ project, task, run }: TaskToken) =>
    store.recordCall({ project, task, run, attempt: 1, message: "msg_1", length: 60_000 });

  test("that comes before its call is noted ends the task, and the note finds it ended", async () => {
    const token = await called();
    const word = { kind: "complete", result: '"early"' } as const;
    expect(await conclusion(ctx, token, word)).toEqual({ status: "succeeded", changed: true });
    expect(await conclusion(ctx, token, word)).toEqual({ status: "succeeded", changed: false });
    expect((await noted(token)).kind).toBe("already");
    const found = await store.readTask(caller, token.task);
    expect(found).toMatchObject({ record: { status: "succeeded", attempt: 1, result: { json: '"early"' } } });
  });

  test("of how far it is begins the attempt, too", async () => {
    const token = await called();
    await report(ctx, token, { percent: 10 });
    expect(await noted(token)).toMatchObject({
      kind: "published",
      record: { status: "running", attempt: 1, calls: ["msg_1"], progress: { percent: 10 } },
    });
  });

  test("for a later attempt than the next is of none that was called", async () => {
    const token = { ...(await called()), attempt: 2 };
    await expect(conclusion(ctx, token, { kind: "complete" })).rejects.toMatchObject({
      code: "task-token-stale",
    });
    await expect(report(ctx, token)).rejects.toMatchObject({ code: "task-token-stale" });
  });
});
