import fc from "fast-check";
import { expect } from "vitest";
import { taskMember } from "../../../src/redis/keys.ts";
import { agree } from "./agreement.ts";
import { CHOICES, type Choice, finishBy, type Pick, underWay } from "./choices.ts";
import type { Answer, Operation } from "./operations.ts";
import { boundaries, type Model } from "./state.ts";
import { step } from "./step.ts";
import type { World } from "./world.ts";

type Fault = "none" | "sent twice" | "answer lost";

/** What can be done in any state: right or wrong, it has an answer. */
abstract class Possible implements fc.AsyncCommand<Model, World> {
  check(): boolean {
    return true;
  }

  abstract run(model: Model, world: World): Promise<void>;

  abstract toString(): string;
}

/** Sends one script; the fault decides whether it arrives twice at once, or again because its answer was lost. */
class Send extends Possible {
  readonly #name: string;
  readonly #choice: Choice;
  readonly #pick: Pick;
  readonly #fault: Fault;
  #told = "";

  constructor(name: string, choice: Choice, pick: Pick, fault: Fault) {
    super();
    this.#name = name;
    this.#choice = choice;
    this.#pick = pick;
    this.#fault = fault;
  }

  override async run(model: Model, world: World): Promise<void> {
    model.now = world.now;
    const op = this.#choice(this.#pick, model, world);
    if (!op) return;
    const first = step(model, op);
    this.#told = `${describe(op)} -> ${first.join(" ")}`;
    const [one, other] = await this.#send(op, world);
    if (!other) expect(one, this.#told).toEqual(first);
    else {
      const second = step(model, op);
      // What a refusal leaves as it was may be refused for another reason; what is done is answered as it was.
      if (DONE.has(first[0] ?? "")) expect(second, "the model's own second answer").toEqual(first);
      // Sent at once, the later may have been the first.
      const swapped = this.#fault === "sent twice" && same([other, one], [first, second]);
      if (!swapped) expect([one, other], `${this.#told}, and again`).toEqual([first, second]);
    }
    for (const answer of op.kind === "inspect" ? first : first.slice(0, 1)) {
      if (typeof answer === "string") world.seen.add(`${op.kind} ${answer}`);
    }
    await agree(model, world);
  }

  async #send(op: Operation, world: World): Promise<readonly [Answer, Answer?]> {
    if (this.#fault === "none") return [await world.send(op)];
    if (this.#fault === "answer lost") return [await world.send(op), await world.send(op)];
    return Promise.all([world.send(op), world.send(op)]);
  }

  override toString(): string {
    return `${this.#name}${this.#fault === "none" ? "" : `, ${this.#fault}`}: ${this.#told}`;
  }
}

const DONE = new Set<string | number>([
  "accepted",
  "claimed",
  "renewed",
  "ended",
  "replayed",
  "begun",
  "recorded",
  "found",
  "published",
  "opened",
  "configured",
  "granted",
  "revoked",
  "limited",
]);

/** Two scripts at once: what comes of it must be what comes of one after the other, in either order. */
class Race extends Possible {
  readonly #choices: readonly [Choice, Choice];
  readonly #picks: readonly [Pick, Pick];
  #told = "";

  constructor(choices: readonly [Choice, Choice], picks: readonly [Pick, Pick]) {
    super();
    this.#choices = choices;
    this.#picks = picks;
  }

  override async run(model: Model, world: World): Promise<void> {
    model.now = world.now;
    const [first, second] = this.#choices.map((choice, n) =>
      choice(this.#picks[n] ?? [0, 0, 0, 0], model, world),
    );
    if (!first || !second) return;
    const [one, other] = await Promise.all([world.send(first), world.send(second)]);
    this.#told = `${describe(first)} -> ${one.join(" ")} | ${describe(second)} -> ${other.join(" ")}`;
    const orders = [
      { ops: [first, second], answers: [one, other] },
      { ops: [second, first], answers: [other, one] },
    ];
    const outcomes = orders.map(({ ops, answers }) => {
      const after = structuredClone(model);
      const expected = ops.map((op) => step(after, op));
      return { after, expected, answers };
    });
    const possible = outcomes.filter(({ expected, answers }) => same(expected, answers));
    expect(possible.length, `${this.#told}: neither order explains it`).toBeGreaterThan(0);
    const failures: unknown[] = [];
    for (const { after } of possible) {
      try {
        await agree(after, world);
        Object.assign(model, after);
        return;
      } catch (error) {
        failures.push(error);
      }
    }
    throw failures[0];
  }

  override toString(): string {
    return `race: ${this.#told}`;
  }
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** The sweep: takes what is due, which must be all that is due, and asks what each needs. */
class Sweep extends Possible {
  readonly #fault: Fault;

  constructor(fault: Fault) {
    super();
    this.#fault = fault;
  }

  override async run(model: Model, world: World): Promise<void> {
    model.now = world.now;
    const due = [...model.tasks.values(), ...model.deliveries.values()].filter(
      (one) => one.due !== undefined && one.due <= model.now,
    );
    const { project } = world.caller;
    const members = due.map(({ id }) =>
      taskMember(project, id).replace(/^t/, id.startsWith("task") ? "t" : "d"),
    );
    const taken = await world.store.take(0);
    expect([...taken].sort(), "what the sweep takes").toEqual([...members].sort());
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
  readonly #fault: Fault;

  constructor(pick: Pick, fault: Fault) {
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

function describe(op: Operation): string {
  const brief = (name: string, value: unknown) => (name === "record" ? idOf(value) : value);
  return JSON.stringify(op, brief);
}

function idOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("id" in value) || !("sequence" in value)) return value;
  return `${value.id} as of ${value.sequence}`;
}

const pick = fc.tuple(fc.nat(240), fc.nat(240), fc.nat(240), fc.nat(240));
const fault = fc.constantFrom<Fault>("none", "none", "none", "sent twice", "answer lost");
const times = [7_000, 7_000, 15_000, 40_000, 40_000, 40_000, 40_000, 100_000, 3 * 3_600_000];

const sends = Object.entries(CHOICES).flatMap(([name, [choice, weight]]) =>
  Array.from({ length: weight }, () =>
    fc.tuple(pick, fault).map(([chosen, how]) => new Send(name, choice, chosen, how)),
  ),
);

const racing = fc.constantFrom<Choice>(
  ...Object.entries(CHOICES).flatMap(([name, [choice]]) => (name === "late" ? [] : [choice])),
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
  ...Array.from({ length: 2 }, () =>
    fc.tuple(pick, fault).map(([chosen, how]) => new Overtaken(chosen, how)),
  ),
  ...Array.from({ length: 6 }, () => fc.constantFrom(...times).map((time) => new Pass(time))),
];
