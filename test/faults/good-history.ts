import type {
  Audit,
  Callback,
  ClientAnswer,
  Execution,
  Found,
  FoundDelivery,
  History,
  LentKey,
  Seen,
  Story,
  TimelineItem,
} from "./history.ts";

/* A history in which all went well, and its parts, each to be changed in places. */

export const seen = (over: Partial<Seen> = {}): Seen => ({
  ...{ id: "task_1", status: "succeeded", run: 1, sequence: 3, done: true },
  ...over,
});
export const told = (over: Partial<ClientAnswer> = {}): ClientAnswer => ({
  from: 0,
  at: 10,
  act: "read",
  status: 200,
  task: seen(),
  ...over,
});
export const submitted = told({
  act: "submit",
  status: 202,
  task: seen({ status: "queued", sequence: 1, done: false }),
});
export const story = (over: Partial<Story> = {}): Story => ({
  ...{ ref: "r1", project: "proj_1", type: "storm.work", asked: ["task.succeeded"], told: [submitted] },
  ...over,
});
export const timeline = (...types: string[]): TimelineItem[] =>
  types.map((type, index) => ({ sequence: index + 1, at: index, run: 1, type: `task.${type}` }));
export const delivery = (over: Partial<FoundDelivery> = {}): FoundDelivery => ({
  ...{ id: "del_1", eventId: "evt_1", eventType: "task.succeeded", status: "delivered" },
  ...over,
});
export const found = (over: Partial<Found> = {}): Found => ({
  ...seen(),
  ...{
    type: "storm.work",
    deadlineAt: 1_000_000,
    ref: "r1",
    project: "proj_1",
    timeline: timeline("created", "started", "succeeded"),
    deliveries: [delivery()],
  },
  ...over,
});
export const callback = (over: Partial<Callback> = {}): Callback => ({
  ...{ at: 100, target: "callback", project: "proj_1", ref: "r1", id: "evt_1", type: "task.succeeded" },
  ...{ body: "{}", isSigned: true, task: seen(), stored: seen() },
  ...over,
});
export const begin = (over: Partial<Execution> = {}): Execution => ({
  ...{ at: 50, on: "deno", task: "task_1", run: 1, attempt: 1, execution: "a", phase: "begin" },
  ...over,
});
export const lent = (over: Partial<LentKey> = {}): LentKey => ({
  ...{ id: "key_1", revokedAt: 100, uses: [{ at: 110, status: 401 }] },
  ...over,
});
export const audit = (over: Partial<Audit> = {}): Audit => ({
  ...{ at: 100, seen: 2, undue: [], mortal: [], miscounted: [], hasty: [] },
  ...over,
});
export const history = (over: Partial<History> = {}): History => ({
  stories: [story()],
  callbacks: [callback()],
  executions: [begin(), begin({ phase: "end", at: 60 })],
  stalls: [],
  lent: [lent()],
  audits: [audit()],
  found: [found()],
  books: [{ project: "proj_1", open: 0, ended: { succeeded: 1 } }],
  due: [],
  endpoints: {},
  ...over,
});
