import { Cron } from "croner";
import type { Clock } from "../clock.ts";
import type { Plan } from "../delivery/plan.ts";
import { DEFAULT_RETRIES } from "../delivery/plan.ts";
import { badRequest, notFound, overLimit } from "../errors.ts";
import type { HeaderPairs } from "../headers.ts";
import type { Message } from "../message.ts";
import {
  bodyFields,
  decodeRecord,
  encodeRecord,
  newId,
  omitEmpty,
  shownBody,
  shownHeader,
} from "../message.ts";
import { checkUrl, readOptions } from "../options.ts";
import type { Publication, Published } from "../publisher.ts";
import { type Timer, TimerQueue } from "../timer-queue.ts";
import type { Change, Journal } from "./journal.ts";
import { KEYS } from "./storage.ts";

const ID = /^[\w.-]+$/;

interface Schedule {
  readonly scheduleId: string;
  readonly cron: string;
  readonly destination: string;
  /** The headers of the request that made it: each message is made from them again. */
  readonly headers: HeaderPairs;
  readonly body: Buffer;
  readonly callerIP: string;
  readonly createdAt: number;
  isPaused: boolean;
  lastScheduleTime?: number;
  /** Message id → what became of it, for the last time it ran. */
  lastScheduleStates: Record<string, "IN_PROGRESS" | "SUCCESS" | "FAIL">;
}

interface Running {
  readonly schedule: Schedule;
  readonly cron: Cron;
  timer: Timer | undefined;
}

export interface SchedulesParts {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly plan: Plan;
  readonly publish: (publication: Publication) => Promise<Published>;
  readonly onError: (error: Error) => void;
}

/** Messages that are published at the times of a cron expression (docs: features/schedules). */
export class Schedules {
  readonly #parts: SchedulesParts;
  readonly #timers: TimerQueue;
  readonly #running = new Map<string, Running>();

  constructor(parts: SchedulesParts) {
    this.#parts = parts;
    this.#timers = new TimerQueue(parts.clock);
  }

  load(records: ReadonlyMap<string, string>): void {
    for (const record of records.values()) this.#start(decodeRecord<Schedule>(record));
  }

  /** Makes a schedule, or replaces the one whose id the headers name. */
  async create(publication: Publication): Promise<{ scheduleId: string }> {
    const { clock, plan, journal } = this.#parts;
    if (publication.body.length > plan.maxMessageSize) throw overLimit("maximum message size exceeded");
    const cron = header(publication.headers, "upstash-cron");
    if (cron === undefined) throw badRequest("Upstash-Cron header is required");
    parseCron(cron);
    readOptions(publication.headers, plan, clock.now());
    checkUrl(publication.destination, "destination");

    const scheduleId = header(publication.headers, "upstash-schedule-id") ?? newId("scd");
    if (!ID.test(scheduleId))
      throw badRequest("scheduleId may hold letters, digits, hyphens, underscores and periods");
    const known = this.#running.get(scheduleId);
    if (!known && this.#running.size >= plan.schedules) {
      throw overLimit(`maximum number of schedules: ${plan.schedules}`);
    }
    const schedule: Schedule = {
      scheduleId,
      cron,
      destination: publication.destination,
      headers: publication.headers,
      body: publication.body,
      callerIP: publication.callerIP,
      createdAt: known?.schedule.createdAt ?? clock.now(),
      isPaused: known?.schedule.isPaused ?? false,
      lastScheduleStates: {},
    };
    this.#stop(known);
    this.#start(schedule);
    await journal.write([change(schedule)]);
    return { scheduleId };
  }

  view(scheduleId: string): Record<string, unknown> {
    const { schedule, cron } = this.#get(scheduleId);
    const now = this.#parts.clock.now();
    // A setting that depends on the time, such as a delay, is shown as it was requested.
    const options = readOptions(schedule.headers, this.#parts.plan, now);
    const settings = {
      ...options,
      method: options.method ?? "POST",
      header: options.header ?? {},
      maxRetries: 0,
    };
    const shown = { ...settings, body: schedule.body };
    return {
      ...omitEmpty({
        scheduleId,
        cron: schedule.cron,
        destination: schedule.destination,
        createdAt: schedule.createdAt,
        method: settings.method,
        header: shownHeader(shown),
        ...bodyFields(shownBody(shown)),
        delay: options.notBefore === undefined ? 0 : Math.round((options.notBefore - now) / 1_000),
        callback: options.callback?.url,
        failureCallback: options.failureCallback?.url,
        callerIP: schedule.callerIP,
        flowControlKey: options.flowControlKey,
        parallelism: options.flowLimits?.parallelism,
        rate: options.flowLimits?.rate,
        period: options.flowLimits?.period,
        retryDelayExpression: options.retryDelayExpression,
        label: options.labels?.[0],
        labels: options.labels,
        lastScheduleTime: schedule.lastScheduleTime,
        nextScheduleTime: cron.nextRun(new Date(now))?.getTime(),
        lastScheduleStates: schedule.lastScheduleTime === undefined ? undefined : schedule.lastScheduleStates,
      }),
      retries: options.maxRetries ?? DEFAULT_RETRIES,
      isPaused: schedule.isPaused,
    };
  }

  list(): Record<string, unknown>[] {
    return [...this.#running.keys()].map((id) => this.view(id));
  }

  async delete(scheduleId: string): Promise<void> {
    this.#stop(this.#get(scheduleId));
    this.#running.delete(scheduleId);
    await this.#parts.journal.write([{ hash: KEYS.schedules, field: scheduleId, value: null }]);
  }

  async setPaused(scheduleId: string, isPaused: boolean): Promise<void> {
    const { schedule } = this.#get(scheduleId);
    schedule.isPaused = isPaused;
    await this.#parts.journal.write([change(schedule)]);
  }

  /** A message that a schedule made has ended. */
  ended(message: Message, isDelivered: boolean): void {
    const schedule = this.#running.get(message.scheduleId ?? "")?.schedule;
    if (!schedule || !(message.messageId in schedule.lastScheduleStates)) return;
    schedule.lastScheduleStates[message.messageId] = isDelivered ? "SUCCESS" : "FAIL";
    void this.#parts.journal.write([change(schedule)]);
  }

  close(): void {
    this.#timers.clear();
  }

  #get(scheduleId: string): Running {
    const running = this.#running.get(scheduleId);
    if (!running) throw notFound(`schedule ${scheduleId}`);
    return running;
  }

  #start(schedule: Schedule): void {
    const running: Running = { schedule, cron: parseCron(schedule.cron), timer: undefined };
    this.#running.set(schedule.scheduleId, running);
    this.#arrange(running);
  }

  #stop(running: Running | undefined): void {
    if (running?.timer) this.#timers.cancel(running.timer);
  }

  #arrange(running: Running): void {
    const next = running.cron.nextRun(new Date(this.#parts.clock.now()));
    if (next) running.timer = this.#timers.add(next.getTime(), () => this.#fire(running));
  }

  #fire(running: Running): void {
    this.#arrange(running);
    if (running.schedule.isPaused) return;
    this.#publish(running.schedule).catch((error: unknown) => {
      this.#parts.onError(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async #publish(schedule: Schedule): Promise<void> {
    const { clock, journal, publish } = this.#parts;
    schedule.lastScheduleTime = clock.now();
    const { destination, headers, body, callerIP, scheduleId } = schedule;
    const { messageId } = await publish({ destination, headers, body, callerIP, scheduleId });
    schedule.lastScheduleStates = { [messageId]: "IN_PROGRESS" };
    await journal.write([change(schedule)]);
  }
}

const change = (schedule: Schedule): Change => ({
  hash: KEYS.schedules,
  field: schedule.scheduleId,
  value: encodeRecord(schedule),
});

function header(headers: HeaderPairs, name: string): string | undefined {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

/** A cron expression of five fields, with `CRON_TZ=Area/City` before it where it is not meant in UTC. */
function parseCron(text: string): Cron {
  const { zone, pattern } = /^(?:CRON_TZ=(?<zone>\S+)\s+)?(?<pattern>.+)$/.exec(text.trim())?.groups ?? {};
  try {
    const cron = new Cron(pattern ?? "", { timezone: zone ?? "UTC", mode: "5-part", paused: true });
    // An unknown time zone only shows when it is used.
    cron.nextRun(new Date(0));
    return cron;
  } catch (error) {
    throw badRequest(`invalid cron: ${error instanceof Error ? error.message : String(error)}`);
  }
}
