import type { Denied, ReadAnswer } from "../../projects/caller.ts";
import type { Client, System, TaskReader } from "../../projects/principal.ts";
import type { DeliveryRecord, TaskRecord } from "../../tasks/record.ts";
import type { DeleteAnswer, DeleteCommand } from "../commands/delete.ts";
import type { ListAnswer, TaskFilter, TaskParts, TaskPosition } from "../commands/list.ts";
import type {
  AcceptAnswer,
  AcceptCommand,
  AnnounceAnswer,
  AnnounceCommand,
  ClaimAnswer,
  ClaimCommand,
  EndAnswer,
  EndCommand,
  Follower,
  Following,
  RecordCallAnswer,
  RecordCallCommand,
  RecordPollCommand,
  RenewAnswer,
  RenewCommand,
  ReplayAnswer,
  ReplayCommand,
  ReportAnswer,
  ReportCommand,
} from "../commands/task.ts";

/** Accepts tasks. */
export interface SubmitStore {
  accept(command: AcceptCommand): Promise<AcceptAnswer>;
  /** Accepts many in one Redis request, each on its own, in order. */
  acceptAll(commands: readonly AcceptCommand[]): Promise<readonly AcceptAnswer[]>;
}

/** Runs attempts, and ends them. */
export interface RunStore {
  claim(command: ClaimCommand): Promise<ClaimAnswer>;
  renew(command: RenewCommand): Promise<RenewAnswer>;
  end(command: EndCommand): Promise<EndAnswer>;
  /** Ends many, each on its own, in as few Redis requests as they fit into. */
  endAll(commands: readonly EndCommand[]): Promise<readonly EndAnswer[]>;
  report(command: ReportCommand): Promise<ReportAnswer>;
  /**
   * Opens the delivery of an event that does not change the task; one of progress (`once`) replaces the previous
   * one.
   */
  announce(command: AnnounceCommand): Promise<AnnounceAnswer>;
  /** The queue calls a service for this attempt, which has therefore begun. */
  recordCall(command: RecordCallCommand): Promise<RecordCallAnswer>;
  /** Whether this poll is the one to send. */
  recordPoll(command: RecordPollCommand): Promise<boolean>;
}

/** Reads tasks. */
export interface TaskReadStore {
  readTask(
    caller: TaskReader,
    id: string,
    include?: TaskParts,
  ): Promise<ReadAnswer<{ record: TaskRecord; deliveries: readonly DeliveryRecord[] }>>;
  readTasks(
    caller: Client | System,
    ids: readonly string[],
  ): Promise<
    Denied | { readonly kind: "found"; readonly now: number; readonly records: readonly TaskRecord[] }
  >;
  listTasks(
    caller: Client | System,
    before: TaskPosition | undefined,
    limit: number,
    filter?: TaskFilter,
  ): Promise<ListAnswer>;
  /** Whether a task is hidden, and not all of its parts are erased yet. */
  isErasing(project: string, task: string): Promise<boolean>;
}

/** Publishes the changes of a task. */
export interface WatchStore {
  /** Reads a task and has its changes published for so many milliseconds. */
  watch(caller: TaskReader, id: string, length: number): Promise<ReadAnswer<{ record: TaskRecord }>>;
  /** Listens for changes of a watched task until it is closed or lost; never throws. */
  follow(project: string, id: string, follower: Follower): Following;
}

/** Starts an ended task again, or erases it. */
export interface SteerStore {
  replay(command: ReplayCommand): Promise<ReplayAnswer>;
  /** Replays many, each on its own, in as few Redis requests as they fit into. */
  replayAll(commands: readonly ReplayCommand[]): Promise<readonly ReplayAnswer[]>;
  /** Hides a task, whose parts are then erased one after the other. */
  deleteTask(command: DeleteCommand): Promise<DeleteAnswer>;
}

/** Erases the rest of a hidden task. */
export interface ErasureStore {
  /** Erases the next part of a hidden task; true when there is more. */
  erasePart(project: string, task: string): Promise<boolean>;
}

/** The newest tasks of a project, for the doctor. */
export interface NewestTaskStore {
  /** At most `most`, from the last hour in which any was accepted. */
  newestTasks(project: string, most: number): Promise<readonly TaskRecord[]>;
}
