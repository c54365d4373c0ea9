import type { WatchStore } from "../../ports/stores/task-store.ts";

/** Listens to one task's changes, while the waiting client is connected. */
export interface Listener {
  /** The task. */
  readonly task: string;
  /** `open`: every change of the task is reported, once it is watched. `lost`: no more changes are reported. */
  readonly state: "opening" | "open" | "lost";
  /** Resolves when the stream is open or lost, or the client is gone. */
  settled(): Promise<void>;
  /**
   * Sleeps until a relevant change is reported, the stream is lost, the client is gone, or the time is up; returns the
   * statuses that were reported until then, and forgets them.
   *
   * @param length milliseconds
   * @param heeds whether a change to this status ends the sleep
   */
  sleep(length: number, heeds: (status: string) => boolean): Promise<ReadonlySet<string>>;
  /** To be called on every path: it ends the stream. */
  close(): void;
}

/** @param gone aborts when the client goes away */
export function listen(store: WatchStore, project: string, task: string, gone: AbortSignal): Listener {
  const reported = new Set<string>();
  let state: Listener["state"] = "opening";
  let notice = (): void => undefined;
  const become = (next: Listener["state"]): void => {
    state = next;
    notice();
  };
  const following = store.follow(project, task, {
    onOpen: () => become("open"),
    onLost: () => become("lost"),
    onChange: (status) => {
      reported.add(status);
      notice();
    },
  });
  const onGone = (): void => notice();
  gone.addEventListener("abort", onGone);

  /** Waits for a notice after which the condition holds, at most so long. */
  async function until(holds: () => boolean, length?: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      notice = () => {
        if (gone.aborted || holds()) resolve();
      };
      if (length !== undefined) timer = setTimeout(resolve, length);
      notice();
    });
    clearTimeout(timer);
    notice = () => undefined;
  }

  return {
    task,
    get state() {
      return state;
    },
    settled: () => until(() => state !== "opening"),
    async sleep(length, heeds) {
      const before = state;
      await until(() => state !== before || [...reported].some(heeds), length);
      const heard = new Set(reported);
      reported.clear();
      return heard;
    },
    close() {
      gone.removeEventListener("abort", onGone);
      following.close();
    },
  };
}
