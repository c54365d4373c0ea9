import { inject } from "vitest";
import type { SharedStack } from "./shared-stack.ts";
import { type Gateway, startBacking, startGateway } from "./stack.ts";

/** A stack of a file's own, on what the file's project runs on; it ends when `use` has ended. */
export async function ownStack(
  env: Readonly<Record<string, string>>,
  use: (stack: SharedStack & { readonly gateway: Gateway }) => Promise<void>,
): Promise<void> {
  const { runtime, redisKind } = inject("combination");
  const { stop, ...backing } = await startBacking(redisKind);
  try {
    const gateway = await startGateway(runtime, backing, { env });
    await use({ runtime, redisKind, backing, gateway });
    await gateway.running.stop();
  } finally {
    await stop();
  }
}
