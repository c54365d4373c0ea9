import { setTimeout as sleep } from "node:timers/promises";
import { accepted, cancel, ENDS, ended, type Means, work } from "./plan.ts";

/* Clients that change their mind. */

export async function canceled(means: Means, type = "storm.work"): Promise<void> {
  const story = means.story(type, ENDS);
  const id = await accepted(means, story, work(means, 500, 8_000));
  if (id === undefined) return;
  await sleep(means.random.between(0, 3_000));
  await cancel(means, story, id);
  if (means.random.chance(0.5)) await cancel(means, story, id);
}

/** Leaves time for the start that must not happen. */
export async function canceledAhead(means: Means): Promise<void> {
  const story = means.story("storm.work", ENDS);
  const id = await accepted(means, story, work(means, 10, 50), { delay: `${means.random.between(14, 18)}s` });
  if (id === undefined) return;
  await sleep(means.random.between(0, 1_500));
  await cancel(means, story, id);
}

export async function replayed(means: Means, type = "storm.work"): Promise<void> {
  const story = means.story(type, ENDS);
  const id = await accepted(means, story, work(means, 10, 500));
  if (id === undefined || !(await ended(means, story, id))) return;
  const times = means.random.between(1, 2);
  for (let time = 1; time <= times; time += 1) {
    await means.client.insist(story, {
      ...{ act: "replay", method: "POST", path: `/v1/tasks/${id}/replay` },
      headers: { "idempotency-key": `${story.ref}-${time}` },
    });
    if (!(await ended(means, story, id))) return;
  }
}

export async function erased(means: Means): Promise<void> {
  const story = means.story("diagnostics.echo", means.random.chance(0.5) ? ENDS : []);
  const id = await accepted(means, story, null);
  if (id === undefined || !(await ended(means, story, id))) return;
  await means.client.insist(story, { act: "erase", method: "DELETE", path: `/v1/tasks/${id}` });
}
