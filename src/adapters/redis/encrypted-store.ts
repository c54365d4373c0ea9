import type { NewDelivery } from "../../ports/delivery-commands.ts";
import { Undecryptable } from "../../ports/errors.ts";
import type { Keyring } from "../../ports/keyring.ts";
import type { Store } from "../../ports/store.ts";
import type { AcceptCommand, Outcome } from "../../ports/task-commands.ts";
import type { DeliveryRecord, Payload, TaskRecord } from "../../tasks/record.ts";

/** JSON never begins with it: what lies in the clear stays readable when encryption is switched on, and the other way. */
const SEALED = "~";

/**
 * A store whose payloads lie encrypted in Redis (AES-256-GCM under the master secret, its generation in front): inputs,
 * results and the bodies of events. What tells how a task fares (type, metadata, progress, errors, responses of
 * receivers) does not.
 *
 * @param seals whether new ones are encrypted; what is encrypted already opens in any case
 */
export function encryptedStore(store: Store, keyring: Keyring, seals: boolean): Store {
  const { sealTask, sealBodies, sealOutcome } = sealing(keyring, seals);
  const { open, openTask, withTask, withDelivery } = opening(keyring);
  return {
    ...store,
    accept: async (command) => withTask(store.accept(await sealTask(command))),
    acceptAll: async (commands) => {
      const answers = await store.acceptAll(await Promise.all(commands.map(sealTask)));
      return Promise.all(answers.map((answer) => withTask(Promise.resolve(answer))));
    },
    claim: (command) => withTask(store.claim(command)),
    end: async (command) =>
      withTask(
        store.end({ ...command, outcome: await sealOutcome(command.outcome, command.record.project) }),
      ),
    replay: (command) => withTask(store.replay(command)),
    report: (command) => withTask(store.report(command)),
    recordCall: (command) => withTask(store.recordCall(command)),
    watch: (caller, id, length) => withTask(store.watch(caller, id, length)),
    readTask: (caller, id, include) => withTask(store.readTask(caller, id, include)),
    readTasks: async (caller, ids) => {
      const answer = await store.readTasks(caller, ids);
      if (answer.kind !== "found") return answer;
      return { ...answer, records: await Promise.all(answer.records.map(openTask)) };
    },
    announce: async (command) =>
      store.announce({
        ...command,
        deliveries: await sealBodies(command.deliveries, command.record.project),
      }),
    record: async (command) =>
      store.record({ ...command, deliveries: await sealBodies(command.deliveries, command.project) }),
    configure: async (command) =>
      store.configure({
        ...command,
        deliveries: await sealBodies(command.deliveries, command.caller.project),
      }),
    leaseDelivery: async (command) => withDelivery(await store.leaseDelivery(command)),
    readBody: async (project, ...which) => {
      const body = await store.readBody(project, ...which);
      return body === undefined ? undefined : open(body, project);
    },
  };
}

/** What a payload is bound to. */
const of = (project: string) => ({ purpose: "payload", project }) as const;

function sealing(keyring: Keyring, seals: boolean) {
  const encrypt = async (text: string, project: string) =>
    seals ? SEALED + (await keyring.encrypt(text, of(project))) : text;
  const sealTask = async (command: AcceptCommand): Promise<AcceptCommand> => ({
    ...command,
    task: { ...command.task, input: await encrypt(command.task.input, command.caller.project) },
  });
  /** What several deliveries share stays one text: it is kept once. */
  const sealBodies = async (
    deliveries: readonly NewDelivery[],
    project: string,
  ): Promise<readonly NewDelivery[]> => {
    const bodies = new Map<string, Promise<string>>();
    const bodyOf = (body: string) => {
      const encrypted = bodies.get(body) ?? encrypt(body, project);
      bodies.set(body, encrypted);
      return encrypted;
    };
    return Promise.all(deliveries.map(async (one) => ({ ...one, body: await bodyOf(one.body) })));
  };
  const sealOutcome = async (outcome: Outcome, project: string): Promise<Outcome> => {
    if (outcome.kind === "retry") return outcome;
    const deliveries = await sealBodies(outcome.deliveries, project);
    if (outcome.kind === "waiting" || outcome.result === undefined) return { ...outcome, deliveries };
    return { ...outcome, deliveries, result: await encrypt(outcome.result, project) };
  };
  return { sealTask, sealBodies, sealOutcome };
}

function opening(keyring: Keyring) {
  const open = async (text: string, project: string) =>
    text.startsWith(SEALED) ? await keyring.decrypt(text.slice(SEALED.length), of(project)) : text;

  /** What nothing opens is told by the record that holds it: a list never fails for one of its tasks. */
  const openIfPossible = async (text: string, project: string): Promise<string | undefined> => {
    try {
      return await open(text, project);
    } catch (error) {
      if (error instanceof Undecryptable) return undefined;
      throw error;
    }
  };
  const openPayload = async ({ json, ...payload }: Payload, project: string): Promise<Payload> => {
    if (json === undefined) return payload;
    const opened = await openIfPossible(json, project);
    return opened === undefined ? { ...payload, undecryptable: true } : { ...payload, json: opened };
  };
  const openTask = async (record: TaskRecord): Promise<TaskRecord> => ({
    ...record,
    input: await openPayload(record.input, record.project),
    result: await openPayload(record.result, record.project),
  });
  const openDelivery = async ({ body, ...record }: DeliveryRecord): Promise<DeliveryRecord> => {
    if (body === undefined) return record;
    const opened = await openIfPossible(body, record.project);
    return opened === undefined ? { ...record, undecryptable: true } : { ...record, body: opened };
  };
  /** An answer with its task opened, where it has one. */
  const withTask = async <Answer extends object>(answering: Promise<Answer>): Promise<Answer> => {
    const answer: Answer & { record?: TaskRecord } = await answering;
    return answer.record ? { ...answer, record: await openTask(answer.record) } : answer;
  };
  const withDelivery = async <Answer extends object>(answer: Answer): Promise<Answer> => {
    const { record }: { record?: DeliveryRecord } = answer;
    return record ? { ...answer, record: await openDelivery(record) } : answer;
  };
  return { open, openTask, withTask, withDelivery };
}
