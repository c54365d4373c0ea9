import fc from "fast-check";
import { expect } from "vitest";
import { taskMember } from "../../../src/adapters/redis/keys.ts";
import { makeId } from "../../../src/shared/id.ts";
import { CHOICES, finishBy, underWay } from "./choices.ts";
import type { Choice, Pick } from "./picking.ts";
import { Possible, Race, Send, type SendFault } from "./sending.ts";
import { boundaries, type Model, type Poison } from "./state.ts";
import type { World } from "./world.ts";

/** Takes what is due, which must be all that is due. */
async function takeDue(model: Model, world: World): Promise<readonly string[]> {
  model.now = world.now;
  const { project } = world.caller;
  const members = [...model.tasks.values(), ...model.deliveries.values(), ...model.batches.values()]
    .filter((one) => one.due !== undefined && one.due <= model.now)
    .map(({ id }) => taskMember(project, id).replace(/^t/, id.charAt(0)));
  const poisons = [...model.poisons.values()].filter(({ due }) => due <= model.now);
  const all = [...members, ...poisons.map(({ member }) => member)];
  const taken = await world.store.peekDue(0);
  expect([...taken].sort(), "what the sweep takes").toEqual([...all].sort());
  return taken;
}

/** The sweep: asks what each entry that is due needs. */
class Sweep extends Possible {
  readonly #fault: SendFault;

  constructor(fault: SendFault) {
    super();
    this.#fault = fault;
  }

  override async run(model: Model, world: World): Promise<void> {
    const members = await takeDue(model, world);
    if (members.length === 0) return;
    const nonce = crypto.randomUUID();
    await new Send("inspect", () => ({ kind: "inspect", members, nonce }), [0, 0, 0, 0], this.#fault).run(
      model,
      world,
    );
  }

  override toString(): string {
    return "sweep";
  }
}

/** Two sweeps at once: both have taken the same before either looks. */
class Overlap extends Possible {
  override async run(model: Model, world: World): Promise<void> {
    const members = await takeDue(model, world);
    if (members.length === 0) return;
    const look = (): Choice => {
      const nonce = crypto.randomUUID();
      return () => ({ kind: "inspect", members, nonce });
    };
    const none: Pick = [0, 0, 0, 0];
    await new Race([look(), look()], [none, none]).run(model, world);
  }

  override toString(): string {
    return "two sweeps at once";
  }
}

/** Something lies in the due set that no script understands, and is due at once. */
class Poisoning extends Possible {
  /** What of it is wrong. */
  readonly #by: Poison["by"];

  constructor(by: Poison["by"]) {
    super();
    this.#by = by;
  }

  override async run(model: Model, world: World): Promise<void> {
    const { project } = world.caller;
    const id = makeId("del", world.now, 0, crypto.getRandomValues(new Uint8Array(8)));
    const member = `${this.#by === "name" ? "?" : "d"}|${project}|${id}`;
    const due = world.now - MARGIN;
    const { redis } = world.environment;
    if (this.#by === "value") await redis("SET", `rb1:000:${project}:d:${id}`, "no hash");
    await redis("ZADD", "rb1:000:due", String(due), member);
    model.poisons.set(id, { id, member, by: this.#by, due });
  }

  override toString(): string {
    return `an entry is poisoned by its ${this.#by}`;
  }
}

/** Farther than this from every moment at which an answer changes, milliseconds: what a request takes decides nothing. */
const MARGIN = 6_000;

/** Time passes; where it would stop at a moment at which an answer changes, a little more. */
class Pass extends Possible {
  readonly #time: number;

  constructor(time: number) {
    super();
    this.#time = time;
  }

  override async run(model: Model, world: World): Promise<void> {
    let now = world.now + this.#time;
    const close = () => boundaries(model).some((moment) => Math.abs(moment - now) < MARGIN);
    while (close()) now += MARGIN;
    world.pass(now - world.now);
  }

  override toString(): string {
    return `${this.#time / 1_000} s pass`;
  }
}

/** A worker falls silent until its lease has lapsed, another takes the attempt over, and then the first has its say. */
class Overtaken extends Possible {
  readonly #pick: Pick;
  readonly #fault: SendFault;

  constructor(pick: Pick, fault: SendFault) {
    super();
    this.#pick = pick;
    this.#fault = fault;
  }

  override async run(model: Model, world: World): Promise<void> {
    const held = underWay(world);
    const grant = held[this.#pick[0] % Math.max(1, held.length)];
    if (!grant) return;
    const { id, run, attempt } = grant.record;
    await new Pass(40_000).run(model, world);
    const claim = { kind: "claim", id, run, attempt, lease: crypto.randomUUID() } as const;
    await new Send("claim", () => claim, this.#pick, this.#fault).run(model, world);
    const finish: Choice = (pick) => finishBy(grant, pick, model);
    await new Send("finish", finish, this.#pick, this.#fault).run(model, world);
  }

  override toString(): string {
    return "a worker is overtaken";
  }
}

const pick = fc.tuple(fc.nat(240), fc.nat(240), fc.nat(240), fc.nat(240));
const fault = fc.constantFrom<SendFault>("none", "none", "none", "sent twice", "answer lost");
const times = [7_000, 7_000, 15_000, 40_000, 40_000, 40_000, 40_000, 100_000, 3 * 3_600_000];

const sends = Object.entries(CHOICES).flatMap(([name, [choice, weight]]) =>
  Array.from({ length: weight }, () =>
    fc.tuple(pick, fault).map(([chosen, how]) => new Send(name, choice, chosen, how)),
  ),
);

/** Those that send one script: the parts of a bulk request may mix with another's. */
const UNRACED = ["late", "cancelMany", "replayMany"];
const racing = fc.constantFrom<Choice>(
  ...Object.entries(CHOICES).flatMap(([name, [choice]]) => (UNRACED.includes(name) ? [] : [choice])),
);
/** Both choose by the same numbers, so that they often meet at the same task. */
const races = fc
  .tuple(racing, racing, pick, pick, fc.boolean())
  .map(([one, other, mine, theirs, meet]) => new Race([one, other], [mine, meet ? mine : theirs]));

/** Every command, in the mix in which they come. */
export const COMMANDS: fc.Arbitrary<fc.AsyncCommand<Model, World>>[] = [
  ...sends,
  races,
  races,
  races,
  ...Array.from({ length: 3 }, () => fault.map((how) => new Sweep(how))),
  fc.constant(null).map(() => new Overlap()),
  fc.constant(null).map(() => new Overlap()),
  fc.constantFrom<Poison["by"]>("name", "value").map((by) => new Poisoning(by)),
  ...Array.from({ length: 2 }, () =>
    fc.tuple(pick, fault).map(([chosen, how]) => new Overtaken(chosen, how)),
  ),
  ...Array.from({ length: 6 }, () => fc.constantFrom(...times).map((time) => new Pass(time))),
];
