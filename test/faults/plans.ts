import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import type { StormClient } from "./client.ts";
import type { Story, Told } from "./history.ts";
import type { Random } from "./random.ts";
import type { Testimony } from "./receivers.ts";

/** What a plan has to work with. */
export interface Means {
  readonly client: StormClient;
  readonly random: Random;
  /** Opens a story; it becomes part of the history. */
  story(type: string, asked?: readonly string[]): Story;
  readonly witness: string;
  /** Where the story's callbacks go. */
  callbackUrl(story: Story): string;
  /** The next hand-over of a task, of a newer run or attempt than `after`; undefined when none comes in time. */
  handedOver(task: string, after?: Testimony): Promise<Testimony | undefined>;
}

type Plan = (means: Means) => Promise<void>;

const ENDS = ["task.succeeded", "task.failed", "task.canceled", "task.expired"] as const;

/** What clients do, and how often, in shares of each other. */
const PLANS: readonly (readonly [share: number, name: string, plan: Plan])[] = [
  [30, "echo", (means) => submitted(means, "diagnostics.echo", { said: "hello" })],
  [14, "work", (means) => submitted(means, "storm.work", work(means, 20, 1_500))],
  [2, "long work", (means) => submitted(means, "storm.work", work(means, 5_000, 15_000))],
  [8, "flaky", (means) => submitted(means, "diagnostics.flaky", { failures: 1 })],
  [4, "failing", (means) => submitted(means, "diagnostics.flaky", { failures: 9 }, { retries: 0 })],
  [
    7,
    "delayed",
    (means) => submitted(means, "diagnostics.echo", 1, { delay: `${means.random.between(1, 15)}s` }),
  ],
  [3, "deadline", (means) => submitted(means, "storm.work", work(means, 3_000, 6_000), { deadline: "2s" })],
  [5, "waited for", waitedFor],
  [5, "sent twice at once", sentTwice],
  [3, "batch", batch],
  [8, "canceled", canceled],
  [4, "canceled ahead of its start", canceledAhead],
  [6, "replayed", replayed],
  [3, "erased", erased],
  [7, "completed", completed],
  [3, "completed by a stale token", completedByStale],
];

const ALL = PLANS.reduce((sum, [share]) => sum + share, 0);

/** Draws what the next client does. */
export function nextPlan(random: Random): { readonly name: string; readonly run: Plan } {
  let left = random.next() * ALL;
  for (const [share, name, run] of PLANS) {
    left -= share;
    if (left < 0) return { name, run };
  }
  throw new Error("the shares do not add up");
}

function work({ witness, random }: Means, least: number, most: number) {
  return { witness, workMs: random.between(least, most) };
}

type Options = Readonly<Record<string, unknown>>;

function bodyOf(means: Means, story: Story, input: unknown, options: Options): Options {
  const called = story.asked.length > 0 && {
    callbackUrl: means.callbackUrl(story),
    callbackEvents: story.asked,
  };
  return { type: story.type, input, metadata: { ref: story.ref }, ...called, ...options };
}

/** Submits a task of its own story, again until an answer comes. Its id, unless it was refused. */
async function accepted(
  means: Means,
  story: Story,
  input: unknown,
  options: Options = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  const { told } = await means.client.insist(
    story,
    {
      ...{ act: "submit", method: "POST", path: "/v1/tasks", body: bodyOf(means, story, input, options) },
      headers: { "idempotency-key": story.ref, ...headers },
    },
    "reuse",
  );
  return told.task?.id;
}

async function submitted(means: Means, type: string, input: unknown, options: Options = {}): Promise<void> {
  const story = means.story(type, means.random.pick([ENDS, ENDS, ENDS, ["task.succeeded"], []]));
  const id = await accepted(means, story, input, options);
  if (id === undefined || !means.random.chance(0.3)) return;
  await sleep(means.random.between(50, 3_000));
  await read(means, story, id);
}

function read({ client }: Means, story: Story, id: string): Promise<{ readonly told: Told }> {
  return client.tell(story, { act: "read", method: "GET", path: `/v1/tasks/${id}` });
}

/** Asks until it has ended, for so many milliseconds at most. */
async function ended(means: Means, story: Story, id: string, within = 40_000): Promise<boolean> {
  const until = Date.now() + within;
  for (let pause = 200; Date.now() < until; pause = Math.min(2_000, pause * 1.5)) {
    const { told } = await read(means, story, id);
    if (told.task?.done) return true;
    await sleep(pause);
  }
  return false;
}

async function waitedFor(means: Means): Promise<void> {
  const story = means.story("storm.work", ENDS);
  const wait = { prefer: `wait=${means.random.between(1, 5)}` };
  const id = await accepted(means, story, work(means, 20, 1_000), {}, wait);
  if (id === undefined) return;
  await means.client.tell(story, { act: "read", method: "GET", path: `/v1/tasks/${id}`, headers: wait });
}

async function sentTwice(means: Means): Promise<void> {
  const story = means.story("diagnostics.echo", ENDS);
  const times = means.random.between(2, 4);
  await Promise.all(Array.from({ length: times }, () => accepted(means, story, { times })));
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

async function batch(means: Means): Promise<void> {
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

function cancel({ client }: Means, story: Story, id: string) {
  return client.insist(story, { act: "cancel", method: "POST", path: `/v1/tasks/${id}/cancel` });
}

async function canceled(means: Means): Promise<void> {
  const story = means.story("storm.work", ENDS);
  const id = await accepted(means, story, work(means, 500, 8_000));
  if (id === undefined) return;
  await sleep(means.random.between(0, 3_000));
  await cancel(means, story, id);
  if (means.random.chance(0.5)) await cancel(means, story, id);
}

/** What must not begin has time to. */
async function canceledAhead(means: Means): Promise<void> {
  const story = means.story("storm.work", ENDS);
  const id = await accepted(means, story, work(means, 10, 50), { delay: `${means.random.between(14, 18)}s` });
  if (id === undefined) return;
  await sleep(means.random.between(0, 1_500));
  await cancel(means, story, id);
}

async function replayed(means: Means): Promise<void> {
  const story = means.story("storm.work", ENDS);
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

async function erased(means: Means): Promise<void> {
  const story = means.story("diagnostics.echo", means.random.chance(0.5) ? ENDS : []);
  const id = await accepted(means, story, null);
  if (id === undefined || !(await ended(means, story, id))) return;
  await means.client.insist(story, { act: "erase", method: "DELETE", path: `/v1/tasks/${id}` });
}

/** When its end is lost on the way it must still end. */
const HAND_OVER = { deadline: "30s" };

/** Says whose token it was, so that a stale one is told by the result. */
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

async function completed(means: Means): Promise<void> {
  const story = means.story("storm.hand-over", ENDS);
  const id = await accepted(means, story, { witness: means.witness }, HAND_OVER);
  const held = id === undefined ? undefined : await means.handedOver(id);
  if (!held) return;
  await sleep(means.random.between(0, 1_500)); // at times before the handler has said that it waits
  await complete(means, story, held, means.random.chance(0.4));
  if (means.random.chance(0.5)) await complete(means, story, held, false);
}

/** The first run is completed, the second one hears the first one's token first. */
async function completedByStale(means: Means): Promise<void> {
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
