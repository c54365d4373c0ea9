import * as z from "zod/mini";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { createSign } from "../../src/adapters/crypto/sign.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import type { Fetcher } from "../../src/ports/fetcher.ts";
import type { Keyring } from "../../src/ports/keyring.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Service } from "../../src/services/service.ts";
import type { Log } from "../../src/shared/log/log.ts";
import { type AnyTask, defineTask, type TaskContext } from "../../src/task.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { run } from "../../src/tasks/run/run-attempt.ts";
import { createRunTimes } from "../../src/tasks/run-times.ts";
import { fetcherOf, queueOf, settingsOf } from "../support/parts.ts";

export const MASTER = "a master secret for tests, and for nothing else";

export function raise(error: unknown): never {
  throw error;
}

/** A gateway's run step over a real store, with one task type whose handler counts its calls. */
export function running(
  store: Store,
  handler: (context: TaskContext<unknown>) => unknown,
  {
    log = () => undefined,
    fetcher = fetcherOf(),
    keyring = createKeyring(webCrypto, MASTER),
  }: { readonly log?: Log; readonly fetcher?: Fetcher; readonly keyring?: Keyring } = {},
) {
  let calls = 0;
  const type = defineTask({
    type: "diagnostics.echo",
    input: z.unknown(),
    handler: (context) => {
      calls++;
      return handler(context);
    },
  });
  const ctx = {
    settings: settingsOf({ resultTtl: 60_000 }),
    store,
    queue: queueOf(),
    sign: createSign(webCrypto),
    hashes: webCrypto,
    keyring,
    tasks: new Map<string, AnyTask>([[type.type, type]]),
    services: new Map<string, Service>(),
    background: { waitUntil: (work: Promise<unknown>) => void work },
    log,
    fetcher,
    runTimes: createRunTimes(),
    random: () => 0.5,
    clock: Date.now,
  };
  const runOnce = async ({ project, id: task, run: number }: TaskRecord) => {
    const message = { v: 1, project, task, run: number, attempt: 1 } as const;
    const answers = [await run(ctx, message), await run(ctx, message)];
    return { answers, calls };
  };
  return { runOnce };
}
