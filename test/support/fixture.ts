import { test as base, inject } from "vitest";
import { type Client, newProject } from "./client.ts";
import { ownStack } from "./own-stack.ts";
import { Receiver } from "./receiver.ts";
import { QUICK, type SharedStack } from "./shared-stack.ts";

interface Fixtures {
  /** The running whole that this file's project provides. */
  readonly stack: SharedStack;
  /** A receiver for callbacks, shared by the file. */
  readonly receiver: Receiver;
  /** A client in a project that this file has for itself. */
  readonly client: Client;
  /** The secret that the project's callbacks are signed with. */
  readonly secret: string;
}

/** A test against the shared stack. */
export const test = base.extend<{ $file: Fixtures }>({
  stack: [({}, use) => use(inject("stack")), { scope: "file" }],
  receiver: [
    async ({}, use) => {
      const receiver = await Receiver.start();
      await use(receiver);
      await receiver.stop();
    },
    { scope: "file" },
  ],
  client: [
    async ({ stack }, use) => use(await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`)),
    { scope: "file" },
  ],
  secret: [async ({ client }, use) => use(await client.signingSecret()), { scope: "file" }],
});

/**
 * The same on a stack of the file's own. For files that sweep: gateways of other files sweep the shared Redis when they
 * start, and each of them would do with what it finds as its own configuration says.
 */
export const sweeping = test.extend<{ $file: Pick<Fixtures, "stack"> }>({
  stack: [({}, use) => ownStack(QUICK, use), { scope: "file" }],
});
