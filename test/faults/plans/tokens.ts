import { setTimeout as sleep } from "node:timers/promises";
import type { Story } from "../history.ts";
import type { Testimony } from "../receivers.ts";
import { accepted, ENDS, EVERYTHING, ended, type Means } from "./plan.ts";

/* Work that is handed on, and its new owner. */

/** When its end is lost on the way it must still end. */
const HAND_OVER = { deadline: "30s" };

/** Names the token's attempt, so that the result shows a stale one. */
function complete(
  { client }: Means,
  story: Story,
  { task, run, attempt, token, completionUrl }: Testimony,
  byUrl: boolean,
) {
  const result = { run, attempt };
  if (byUrl && completionUrl !== undefined) {
    return client.insist(story, {
      act: "complete",
      method: "POST",
      path: new URL(completionUrl).pathname,
      body: result,
    });
  }
  return client.insist(story, {
    ...{ act: "complete", method: "POST", path: `/v1/tasks/${task}/complete`, body: { result } },
    headers: { authorization: `Bearer ${token}` },
  });
}

/** Says that it is alive, and how far it is. */
async function report({ client, random }: Means, { task, token }: Testimony): Promise<void> {
  for (const percent of [random.between(0, 50), random.between(50, 100)]) {
    await client.ask({
      ...{ act: "read", method: "POST", path: `/v1/tasks/${task}/progress`, body: { percent } },
      headers: { authorization: `Bearer ${token}` },
    });
  }
}

export async function completed(means: Means): Promise<void> {
  const story = means.story("storm.hand-over", means.random.pick<readonly string[]>([ENDS, EVERYTHING]));
  const heartbeat = means.random.chance(0.3) && { heartbeatTimeout: "4s" };
  const id = await accepted(means, story, { witness: means.witness }, { ...HAND_OVER, ...heartbeat });
  const held = id === undefined ? undefined : await means.handedOver(id);
  if (!held) return;
  await sleep(means.random.between(0, 1_500)); // at times before the handler has said that it waits
  if (means.random.chance(0.5)) await report(means, held);
  await complete(means, story, held, means.random.chance(0.4));
  if (means.random.chance(0.5)) await complete(means, story, held, false);
}

/** The first run is completed, the second one hears the first one's token first. */
export async function completedByStale(means: Means): Promise<void> {
  const story = means.story("storm.hand-over", ENDS);
  const id = await accepted(means, story, { witness: means.witness }, HAND_OVER);
  const first = id === undefined ? undefined : await means.handedOver(id);
  if (id === undefined || !first) return;
  await complete(means, story, first, false);
  if (!(await ended(means, story, id))) return;
  await means.client.insist(story, {
    ...{ act: "replay", method: "POST", path: `/v1/tasks/${id}/replay` },
    headers: { "idempotency-key": `${story.ref}-again` },
  });
  const second = await means.handedOver(id, first);
  if (!second) return;
  await complete(means, story, first, means.random.chance(0.5));
  await complete(means, story, second, false);
}
