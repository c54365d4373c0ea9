import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { signingSecret } from "../support/contract.ts";
import type { StormProject } from "./projects.ts";
import type { Random } from "./random.ts";
import type { Receivers } from "./receivers.ts";

/** Rotations per project: each old secret still signs for a day, ten at most. */
const ROTATIONS = 6;

const dead = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })) });

/** The actions other than tasks. */
export interface Stewardship {
  rotations: number;
  redelivered: number;
}

/** Looks after a project as its people would: sends dead letters again, and rotates signing secrets. */
export async function tend(
  project: StormProject,
  receivers: Receivers,
  random: Random,
  done: Stewardship,
  signal: AbortSignal,
): Promise<void> {
  const { client } = project;
  let rotations = 0;
  while (!signal.aborted) {
    await sleep(random.between(4_000, 12_000), undefined, { signal }).catch(() => undefined); // the storm is over
    if (signal.aborted) return;
    if (rotations < ROTATIONS && random.chance(0.3)) {
      rotations += 1;
      if (await rotate(project, receivers, random)) done.rotations += 1;
    }
    const { body } = await client.ask({
      act: "read",
      method: "GET",
      path: "/v1/deliveries?status=dead&limit=20",
    });
    const letters = dead.safeParse(body);
    for (const { id } of letters.success ? letters.data.data.slice(0, 3) : []) {
      const { told } = await client.ask({
        act: "read",
        method: "POST",
        path: `/v1/deliveries/${id}/redeliver`,
      });
      if (told.status >= 200 && told.status < 300) done.redelivered += 1;
    }
  }
}

/** Rotates the project's own secret or an endpoint's; whether it is known which one is valid now. */
async function rotate(
  { client, callback, hooks }: StormProject,
  receivers: Receivers,
  random: Random,
): Promise<boolean> {
  const [change, look, path, target] = random.pick<readonly [string, string, string, string]>([
    ["/v1/signing-secret/rotate", "/v1/signing-secret", callback, "callback"],
    ...Object.entries(hooks).map(
      ([id, hook]) => [`/v1/endpoints/${id}/rotate-secret`, `/v1/endpoints/${id}/secret`, hook, id] as const,
    ),
  ]);
  await client.ask({ act: "read", method: "POST", path: change, body: {} });
  // The valid secrets count, whether or not the answer arrived.
  const { body } = await client.ask({ act: "read", method: "GET", path: look });
  const secrets = signingSecret.safeParse(body);
  if (secrets.success) receivers.trust(path, secrets.data.secret, target);
  return secrets.success;
}
