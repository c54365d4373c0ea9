import type { TerminalStatus } from "../../tasks/status.ts";

/** The counters of a project, since it began. */
export interface ProjectFigures {
  /** The hour (since 1970) of the task that was accepted last; absent before the first. */
  readonly lastHour?: number;
  readonly open: number;
  readonly accepted: number;
  readonly ended: Readonly<Record<TerminalStatus, number>>;
  /** Deliveries that have died and were not sent again. */
  readonly dead: number;
}

/** The tasks that were accepted in an hour, and what became of them so far; the deliveries that died in it. */
export interface HourFigures {
  /** Hours since 1970. */
  readonly hour: number;
  readonly accepted: number;
  readonly failed: number;
  readonly canceled: number;
  readonly expired: number;
  readonly dead: number;
}

/** A task that has not ended; times in milliseconds. */
export interface OpenTask {
  readonly status: "queued" | "running" | "waiting";
  readonly attempt: number;
  readonly startsAt: number;
  readonly createdAt: number;
}

/** Reads figures. Nothing is counted for them on the way of a task that goes well. */
export interface FiguresStore {
  /** The counters of some projects, in order; undefined for one that does not exist. */
  readFigures(projects: readonly string[]): Promise<{
    /** Redis time. */
    readonly now: number;
    readonly projects: readonly (ProjectFigures | undefined)[];
  }>;
  /**
   * The hours of a span in which some projects have accepted tasks, or in which deliveries of them died that were not
   * sent again; in no order.
   */
  readHours(
    projects: readonly { readonly project: string; readonly hasDeadLetters: boolean }[],
    span: { readonly first: number; readonly last: number },
  ): Promise<readonly HourFigures[]>;
  /** Some open tasks of a partition, of one project or of all; `complete`: there are no others. */
  openTasks(
    partition: number,
    project?: string,
  ): Promise<{ readonly tasks: readonly OpenTask[]; readonly complete: boolean }>;
  /** The earliest start of a task that should have started and has not, as the sweeps saw it; milliseconds. */
  oldestWaiting(project?: string): Promise<number | undefined>;
}
