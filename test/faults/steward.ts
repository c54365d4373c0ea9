import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { signingSecret } from "../support/contract.ts";
import type { StormProject } from "./projects.ts";
import type { Random } from "./random.ts";
import type { Receivers } from "./receivers.ts";

/** Rotations per project: each secret signs along for a day. */
const ROTATIONS = 2;

const dead = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })) });

/** What was done beside the tasks. */
export interface Stewardship {
  rotations: number;
  redelivered: number;
}

/** Looks after a project as its people would: sends dead letters again, and rotates the signing secret. */
export async function tend(
  { client, callback }: StormProject,
  receivers: Receivers,
  random: Random,
  done: Stewardship,
  signal: AbortSignal,
): Promise<void> {
  let rotations = 0;
  while (!signal.aborted) {
    await sleep(random.between(4_000, 12_000), undefined, { signal }).catch(() => undefined); // the storm is over
    if (signal.aborted) return;
    if (rotations < ROTATIONS && random.chance(0.3)) {
      rotations += 1;
      await client.ask({ act: "read", method: "POST", path: "/v1/signing-secret/rotate", body: {} });
      // Whether it was heard or not: what is valid now is what counts.
      const { body } = await client.ask({ act: "read", method: "GET", path: "/v1/signing-secret" });
      const secrets = signingSecret.safeParse(body);
      if (secrets.success) {
        receivers.trust(callback, secrets.data.secret);
        done.rotations += 1;
      }
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
