import type { WatchStore } from "../../ports/task-store.ts";

/** Hears of one task's changes, while the client that waits for them is there. */
export interface Listener {
  /** The task that is listened to. */
  readonly task: string;
  /** `open`: every change of the task is told, once it is watched. `lost`: none is told any more. */
  readonly state: "opening" | "open" | "lost";
  /** Resolves when the stream is open or lost, or the client is gone. */
  settled(): Promise<void>;
  /**
   * Sleeps until a change is told that is heeded, the stream is lost, the client is gone, or the time is up; gives the
   * statuses that were told until then, and forgets them.
   *
   * @param length milliseconds
   * @param heeds whether a change to this status is worth waking up for
   */
  sleep(length: number, heeds: (status: string) => boolean): Promise<ReadonlySet<string>>;
  /** To be called on every way out: it ends the stream. */
  close(): void;
}

/** @param gone aborts when the client goes away */
export function listen(store: WatchStore, project: string, task: string, gone: AbortSignal): Listener {
  const told = new Set<string>();
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
      told.add(status);
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
      await until(() => state !== before || [...told].some(heeds), length);
      const heard = new Set(told);
      told.clear();
      return heard;
    },
    close() {
      gone.removeEventListener("abort", onGone);
      following.close();
    },
  };
}
