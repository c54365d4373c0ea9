import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { StormClient } from "./client.ts";
import type { LentKey } from "./history.ts";
import type { StormProject } from "./projects.ts";
import type { Random } from "./random.ts";

/** Keys that are made side by side, used, and revoked again. */
const AT_ONCE = 3;

/** How often one revocation is asked for until somebody says that the key is gone. */
const PERSEVERANCE = 40;

const made = z.looseObject({ id: z.string(), key: z.string() });

/** Makes API keys and revokes them, and goes on trying those that were revoked. */
export async function lendKeys(
  project: StormProject,
  random: Random,
  lent: LentKey[],
  signal: AbortSignal,
): Promise<void> {
  const own: (readonly [StormClient, LentKey])[] = [];
  while (!signal.aborted) {
    await sleep(random.between(2_000, 6_000), undefined, { signal }).catch(() => undefined); // the storm is over
    if (signal.aborted) break;
    const more = await Promise.all(Array.from({ length: AT_ONCE }, () => lend(project)));
    for (const one of more) {
      if (!one) continue;
      own.push(one);
      lent.push(one[1]);
    }
    await tryAll(own.filter(() => random.chance(0.3)));
  }
  await tryAll(own);
}

/** A key that was made, used and revoked; undefined when it is not known whether it was. */
async function lend({
  admin,
  url,
  project,
}: StormProject): Promise<readonly [StormClient, LentKey] | undefined> {
  const { body } = await admin.ask({
    ...{ act: "read", method: "POST", path: "/admin/keys" },
    body: { project, scopes: ["tasks:read"], name: "lent" },
  });
  const answer = made.safeParse(body);
  if (!answer.success) return undefined;
  const { id, key } = answer.data;
  const client = new StormClient(url, project, key);
  await use(client);
  for (let round = 0; round < PERSEVERANCE; round += 1) {
    const { told } = await admin.ask({
      ...{ act: "read", method: "DELETE", path: `/admin/keys/${id}?project=${project}` },
    });
    if (told.status === 204 || told.status === 404) return [client, { id, revokedAt: told.at, uses: [] }];
    await sleep(200);
  }
  return undefined;
}

async function tryAll(keys: readonly (readonly [StormClient, LentKey])[]): Promise<void> {
  for (const [client, key] of keys) key.uses.push(await use(client));
}

async function use(client: StormClient): Promise<{ readonly at: number; readonly status: number }> {
  const { told } = await client.ask({ act: "read", method: "GET", path: "/v1/tasks?limit=1" });
  return { at: told.at, status: told.status };
}
