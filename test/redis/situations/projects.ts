import { system } from "../../../src/projects/principal.ts";
import { makeId } from "../../../src/shared/id.ts";
import { accepted, newDelivery } from "../store-fixture.ts";
import { granted, HOUR, idempotency, listing, over, type Situations, type Stage } from "./stage.ts";

/** Writes the list of the paused types. */
async function pause({ store, caller }: Stage, paused: readonly string[]): Promise<void> {
  const read = await store.readConfig(system(caller.project), "admin");
  if (read.kind !== "found") throw new Error(read.kind);
  const json = JSON.stringify(paused.length > 0 ? { paused, signing: [] } : { signing: [] });
  const change = { caller, scope: "admin", version: read.config.version, json, paused } as const;
  const rest = { id: caller.project, deliveries: [], nonce: crypto.randomUUID() };
  await store.configure({ ...change, ...rest, resumes: paused.length === 0 });
}

/** A task whose first attempt is held. */
async function pausedTask(stage: Stage): Promise<void> {
  const { id: task, project, run } = await accepted(stage.store, stage.caller);
  await pause(stage, ["*"]);
  await stage.store.claim({ project, task, run, attempt: 1, lease: crypto.randomUUID() });
}

/** Situations of the scripts of a project, of lists and of the sweep. */
export const projectSituations: Situations = {
  configure: {
    "with what tells of it, under a key": async ({ store, caller }) => {
      const opened = [{ ...newDelivery(), taskId: "", eventType: "endpoint.disabled" }];
      const command = {
        caller,
        scope: "endpoints:write",
        version: 1,
        json: '{"signing":[]}',
        id: "ep_1",
      } as const;
      const rest = { nonce: crypto.randomUUID(), deliveries: opened, idempotency: idempotency() };
      return () => store.configure({ ...command, ...rest, resumes: true });
    },
  },
  page: {
    "of everything": (stage) => listing(stage, {}),
    "of a rare type": (stage) => listing(stage, { type: "rare" }),
    "of the failed": (stage) => listing(stage, { status: "failed" }),
  },
  statuses: { "of what runs": (stage) => listing(stage, { status: "running" }) },
  peekDue: {
    "of what is due":
      async ({ store }) =>
      () =>
        store.peekDue(0),
  },
  takeChores: {
    "of what is due":
      async ({ store }) =>
      () =>
        store.takeChores(0),
  },
  purge: {
    "of a key that has expired": async ({ store, caller }) => {
      await store.putKey(caller.project, granted(1_000));
      return () => store.purgeKeys(caller.project, 100);
    },
  },
  grant: {
    "under a key": async ({ store, caller }) => {
      const [key, once] = [
        granted(Date.now() + HOUR),
        { idempotency: idempotency(), id: "key_1", encrypted: "s" },
      ];
      return () => store.putKey(caller.project, key, once);
    },
  },
  revoke: {
    "of a key": async ({ store, caller }) => {
      const key = granted(0);
      await store.putKey(caller.project, key);
      return () => store.dropKey(caller.project, key.key, "nonce");
    },
  },
  scan: {
    "of a project's keys":
      async ({ store, caller }) =>
      () =>
        store.listKeys(caller.project),
  },
  project: {
    "by its id":
      async ({ store, caller }) =>
      () =>
        store.findProject(caller.project),
  },
  owner: {
    "of a key":
      async ({ store, caller }) =>
      () =>
        store.ownerOf([caller.project], "00".repeat(16)),
  },
  named: {
    "by its name":
      async ({ store }) =>
      () =>
        store.findProject("a name"),
  },
  name: {
    "of a new project": async ({ store }) => {
      const name = crypto.randomUUID();
      return () => store.nameProject(name, "prj_1");
    },
  },
  init: {
    "of a new project": async ({ store }) => {
      const project = makeId("prj", Date.now(), 0, crypto.getRandomValues(new Uint8Array(8)));
      return async () => {
        await store.initProject(project, "a project", '{"signing":[]}');
        const read = await store.readConfig(system(project), "admin");
        return read.kind;
      };
    },
  },
  limit: {
    "with one taken away": async ({ store, caller }) => {
      await store.limitProject(caller.project, { rateLimit: 500, maxOpen: 100_000 }, crypto.randomUUID());
      const nonce = crypto.randomUUID();
      return () => store.limitProject(caller.project, { rateLimit: null, maxOpen: 1_000_000 }, nonce);
    },
  },
  version: {
    "of what is stored":
      async ({ store }) =>
      () =>
        store.version(),
  },
  reEncryption: {
    "of a state":
      async ({ store }) =>
      () =>
        store.reEncryptionState("00000000 - 0 0 checking"),
  },
  generations: {
    "with one that is new":
      async ({ store }) =>
      () =>
        store.generations({ "00000000": "v2.00000000.text" }),
  },
  findEncrypted: {
    "of a page of keys": async (stage) => {
      await over(stage);
      return async () => {
        let cursor = "0";
        do {
          cursor = (await stage.store.findEncrypted(cursor, "00000000")).cursor;
        } while (cursor !== "0");
      };
    },
  },
  probe: {
    "of the doctor":
      async ({ store }) =>
      () =>
        store.probe(crypto.randomUUID(), 0),
  },
  noteProbe: {
    "of how it arrived": async ({ store }) => {
      const nonce = crypto.randomUUID();
      await store.probe(nonce, 0);
      return () => store.noteProbe(nonce, "note", "{}");
    },
  },
  parked: {
    "of a paused project": async (stage) => {
      await pausedTask(stage);
      return () => stage.store.parkedTasks(stage.caller.project, "");
    },
  },
  unpark: {
    "of a task": async (stage) => {
      await pausedTask(stage);
      const { project } = stage.caller;
      await pause(stage, []);
      const tasks = await stage.store.parkedTasks(project, "");
      return () => stage.store.unpark(project, tasks);
    },
  },
  resumed: {
    "with more": async ({ store, caller }) => {
      return () => store.resumed(caller.project, true);
    },
  },
  figures: {
    "of a project":
      async ({ store, caller }) =>
      () =>
        store.readFigures([caller.project]),
  },
  sizes: {
    "of an hour's indexes": async (stage) => {
      await over(stage);
      const hour = Math.floor(Date.now() / HOUR);
      const span = { first: hour - 1, last: hour };
      return () => stage.store.readHours([{ project: stage.caller.project, hasDeadLetters: true }], span);
    },
  },
  openTasks: {
    "of a project": async ({ store, caller }) => {
      await accepted(store, caller);
      return () => store.openTasks(0, caller.project);
    },
  },
  started: {
    "of one that has started": async ({ store, caller }) => {
      await accepted(store, caller);
      return () => store.oldestWaiting(caller.project);
    },
  },
  ping: {
    "of Redis":
      async ({ store }) =>
      () =>
        store.ping(),
  },
};
