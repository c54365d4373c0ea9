import { setTimeout as sleep } from "node:timers/promises";
import type { StormClient } from "../client.ts";
import type { ClientAnswer, Story } from "../history.ts";
import type { Random } from "../random.ts";
import type { Testimony } from "../receivers.ts";

/* The parts that plans are made of. */

/** The tools of a plan. */
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

export type Plan = (means: Means) => Promise<void>;

/** The events of a task's end. */
export const ENDS: readonly string[] = ["task.succeeded", "task.failed", "task.canceled", "task.expired"];

/** The terminal events, and the events before them. */
export const EVERYTHING: readonly string[] = [...ENDS, "task.started", "task.waiting", "task.progress"];

export type Options = Readonly<Record<string, unknown>>;

export function bodyOf(means: Means, story: Story, input: unknown, options: Options): Options {
  const called = story.asked.length > 0 && {
    callbackUrl: means.callbackUrl(story),
    callbackEvents: story.asked,
  };
  return { type: story.type, input, metadata: { ref: story.ref }, ...called, ...options };
}

/** Submits a task of its own story, again until an answer comes. Its id, unless it was refused. */
export async function accepted(
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

export function work({ witness, random }: Means, least: number, most: number) {
  return { witness, workMs: random.between(least, most) };
}

export function read({ client }: Means, story: Story, id: string): Promise<{ readonly told: ClientAnswer }> {
  return client.tell(story, { act: "read", method: "GET", path: `/v1/tasks/${id}` });
}

/** Asks until it has ended, for so many milliseconds at most. */
export async function ended(means: Means, story: Story, id: string, within = 40_000): Promise<boolean> {
  const until = Date.now() + within;
  for (let pause = 200; Date.now() < until; pause = Math.min(2_000, pause * 1.5)) {
    const { told } = await read(means, story, id);
    if (told.task?.done) return true;
    await sleep(pause);
  }
  return false;
}

export function cancel({ client }: Means, story: Story, id: string) {
  return client.insist(story, { act: "cancel", method: "POST", path: `/v1/tasks/${id}/cancel` });
}
