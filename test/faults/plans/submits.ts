import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { accepted, bodyOf, ENDS, EVERYTHING, type Means, type Options, read, work } from "./plan.ts";

/* Clients that want something done. */

export async function submitted(
  means: Means,
  type: string,
  input: unknown,
  options: Options = {},
): Promise<void> {
  const asked = means.random.pick<readonly string[]>([ENDS, ENDS, EVERYTHING, ["task.succeeded"], []]);
  const story = means.story(type, asked);
  const id = await accepted(means, story, input, options);
  if (id === undefined || !means.random.chance(0.3)) return;
  await sleep(means.random.between(50, 3_000));
  await read(means, story, id);
}

export async function waitedFor(means: Means, type = "storm.work"): Promise<void> {
  const story = means.story(type, ENDS);
  const wait = { prefer: `wait=${means.random.between(1, 5)}` };
  const id = await accepted(means, story, work(means, 20, 1_000), {}, wait);
  if (id === undefined) return;
  await means.client.tell(story, { act: "read", method: "GET", path: `/v1/tasks/${id}`, headers: wait });
}

export async function sentTwice(means: Means): Promise<void> {
  const story = means.story("diagnostics.echo", ENDS);
  const times = means.random.between(2, 4);
  await Promise.all(Array.from({ length: times }, () => accepted(means, story, { times })));
}

/** Quotes are two bytes in JSON, and four in JSON within JSON; a character of Chinese is three. Either is over 10 MB. */
export function tooLarge(means: Means): Promise<void> {
  const [unit, times] = means.random.pick([['"', 2_700_000] as const, ["漢", 3_500_000] as const]);
  return submitted(means, "storm.too-large", { unit, times });
}

/** The same key with another body is a mistake of the client's, and makes no second task. */
export async function misused(means: Means): Promise<void> {
  const story = means.story("diagnostics.echo", ENDS);
  if ((await accepted(means, story, { is: "meant" })) === undefined) return;
  await means.client.insist(story, {
    ...{
      act: "misuse",
      method: "POST",
      path: "/v1/tasks",
      body: bodyOf(means, story, { is: "another" }, {}),
    },
    headers: { "idempotency-key": story.ref },
  });
}

const batchAnswer = z.looseObject({
  data: z.array(
    z.looseObject({
      status: z.int(),
      task: z
        .object({ id: z.string(), status: z.string(), run: z.int(), sequence: z.int(), done: z.boolean() })
        .optional(),
    }),
  ),
});

export async function batch(means: Means): Promise<void> {
  const stories = Array.from({ length: means.random.between(2, 8) }, () =>
    means.story("diagnostics.echo", ENDS),
  );
  const tasks = stories.map((story, number) => ({
    ...bodyOf(means, story, { number }, {}),
    idempotencyKey: story.ref,
  }));
  for (let round = 1; round <= 20; round += 1) {
    const { told, body } = await means.client.ask({
      act: "submit",
      method: "POST",
      path: "/v1/tasks/batch",
      body: { tasks },
    });
    const answer = batchAnswer.safeParse(body);
    for (const [index, story] of stories.entries()) {
      const item = answer.success ? answer.data.data[index] : undefined;
      story.told.push({
        ...told,
        status: item?.status ?? told.status,
        ...(item?.task && { task: item.task }),
      });
    }
    if (answer.success && answer.data.data.every(({ status }) => status < 429)) return;
    await sleep(100 * round);
  }
}
