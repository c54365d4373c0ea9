import type { DoctorParts } from "../doctor/ports.ts";
import type { Service } from "../services/service.ts";
import type { Hashes } from "../shared/hashes.ts";
import type { Log } from "../shared/log/log.ts";
import type { Settings } from "../shared/settings.ts";
import type { AnyTask } from "../task.ts";
import type { RunTimes } from "../tasks/run-times.ts";
import type { ImmediateStarts } from "../tasks/submit/immediate-start.ts";
import type { Background } from "./background.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Keyring, Sign } from "./keyring.ts";
import type { Queue } from "./queue.ts";
import type { Store } from "./store.ts";

/** Every part of a gateway, as it is wired once. A function asks for the parts that it uses. */
export interface Dependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly queue: Queue;
  readonly fetcher: Fetcher;
  readonly hashes: Hashes;
  readonly keyring: Keyring;
  readonly sign: Sign;
  readonly tasks: ReadonlyMap<string, AnyTask>;
  /** Services that the queue calls, by name. */
  readonly services: ReadonlyMap<string, Service>;
  readonly doctor: DoctorParts;
  readonly runTimes: RunTimes;
  readonly immediate: ImmediateStarts;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  /** The edge's own clock, milliseconds: only for elapsed time and ids. Redis decides what time it is. */
  readonly clock: () => number;
}

/** The parts, and the work that may continue after the answer to this request. */
export interface RequestContext extends Dependencies {
  readonly background: Background;
}
