import { useEffect, useState } from "preact/hooks";
import type { Api } from "../../api/request.ts";
import { type Resource, useResource } from "../../api/resource.ts";
import { follow } from "../../api/stream.ts";
import type { Delivery, DeliverySummary, Page, Task, TimelineItem } from "../../api/types.ts";
import { useOperator } from "../../session.ts";

/** Everything about one task. */
export interface TaskDetail {
  readonly task: Task & { readonly paused?: boolean };
  readonly timeline: readonly TimelineItem[];
  /** Newest first, with their attempts. */
  readonly deliveries: readonly Delivery[];
}

/** Callbacks that are read with their attempts. */
const DELIVERIES = 20;

async function readDetail(api: Api, id: string, signal: AbortSignal): Promise<TaskDetail> {
  const path = `/v1/tasks/${encodeURIComponent(id)}`;
  const [task, timeline, listed] = await Promise.all([
    api.send<Task>(path, { query: { include: "input" }, signal }),
    api.send<Page<TimelineItem>>(`${path}/events`, { signal }),
    api.send<Page<DeliverySummary>>("/v1/deliveries", { query: { taskId: id, limit: DELIVERIES }, signal }),
  ]);
  const deliveries = await Promise.all(
    listed.data.map((delivery) => api.send<Delivery>(`/v1/deliveries/${delivery.id}`, { signal })),
  );
  return { task, timeline: timeline.data, deliveries };
}

/** While a callback is pending there is no stream that says so. */
const ASK_AGAIN = 3_000;

/** The task, read again with each event of its timeline, and while a callback is pending. */
export function useTaskDetail(id: string): Resource<TaskDetail> {
  const { api } = useOperator();
  const resource = useResource(`task ${id}`, (signal) => readDetail(api, id, signal), 0);
  const { value, reload } = resource;
  const [tries, setTries] = useState(0);
  const done = value?.task.done;
  const sequence = value?.task.sequence ?? 0;
  // One stream per run: `sequence` only says where it begins.
  useEffect(() => {
    if (done !== false) return;
    const control = new AbortController();
    follow(api, id, sequence, control.signal, reload).catch(() => {
      if (control.signal.aborted) return;
      // Without a stream the task is asked for; if that fails too, the page says why.
      setTimeout(() => {
        reload();
        setTries((number) => number + 1);
      }, ASK_AGAIN);
    });
    return () => control.abort();
  }, [api, id, done, tries, reload]);
  const pending = value?.deliveries.some(({ status }) => status === "pending") === true;
  useEffect(() => {
    if (!pending) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") reload();
    }, ASK_AGAIN);
    return () => clearInterval(timer);
  }, [pending, reload]);
  return resource;
}
