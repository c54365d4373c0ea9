import type * as z from "zod";
import { delivery, page, task, timelineItem } from "../support/contract.ts";
import { booksOf, dueMembers } from "./books.ts";
import type { Books, Found } from "./history.ts";
import type { World } from "./world.ts";

/** A project of the storm, and a key that may read it. */
export interface Reader {
  readonly project: string;
  readonly key: string;
}

/** Requests side by side, so that ten thousand tasks are read in minutes. */
const SIDE_BY_SIDE = 8;

/** Everything that is there when the storm is over, read over the API past every link. */
export async function collect(
  world: World,
  readers: readonly Reader[],
): Promise<{ found: Found[]; books: Books[]; due: string[] }> {
  const found: Found[] = [];
  for (const reader of readers) {
    const get = (path: string) => fetchJson(world.aGateway() + path, reader.key);
    const tasks = await everyTask(get);
    await inParallel(tasks, async (one) => {
      const [timeline, deliveries] = await Promise.all([
        get(`/v1/tasks/${one.id}/events`).then((body) => page(timelineItem).parse(body).data),
        get(`/v1/deliveries?taskId=${one.id}`).then((body) => page(delivery).parse(body).data),
      ]);
      const whole = one.type.startsWith("storm.") ? task.parse(await get(`/v1/tasks/${one.id}`)) : one;
      const { id, status, run, sequence, done, metadata, result, error, deadlineAt } = whole;
      found.push({
        ...{ id, status, run, sequence, done, ref: metadata.ref, project: reader.project, result },
        ...{ type: one.type, error: error?.code },
        deadlineAt: Date.parse(deadlineAt),
        timeline: timeline.map((item) => ({ ...item, at: Date.parse(item.at) })),
        deliveries: deliveries.map((made) => ({
          ...{ id: made.id, eventId: made.eventId, eventType: made.eventType, status: made.status },
          ...(typeof made.endpointId === "string" && { endpointId: made.endpointId }),
        })),
      });
    });
  }
  const books = await Promise.all(readers.map(({ project }) => booksOf(world.books, project)));
  return { found, books, due: await dueMembers(world.books) };
}

async function everyTask(get: (path: string) => Promise<unknown>): Promise<z.infer<typeof task>[]> {
  const tasks: z.infer<typeof task>[] = [];
  for (let cursor = ""; ; ) {
    const { data, nextCursor } = page(task).parse(await get(`/v1/tasks?limit=100${cursor}`));
    tasks.push(...data);
    if (!nextCursor) return tasks;
    cursor = `&cursor=${nextCursor}`;
  }
}

async function fetchJson(url: string, key: string): Promise<unknown> {
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${key}`, accept: "application/json" },
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${text}`);
  return JSON.parse(text);
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: SIDE_BY_SIDE }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}
