import type fc from "fast-check";
import { expect } from "vitest";
import { agree } from "./agreement.ts";
import type { Answer, Operation } from "./operations.ts";
import type { Choice, Pick } from "./picking.ts";
import type { Model } from "./state.ts";
import { step } from "./step.ts";
import type { World } from "./world.ts";

/** What happens to a script on its way. */
export type SendFault = "none" | "sent twice" | "answer lost";

/** What can be done in any state: right or wrong, it has an answer. */
export abstract class Possible implements fc.AsyncCommand<Model, World> {
  check(): boolean {
    return true;
  }

  abstract run(model: Model, world: World): Promise<void>;

  abstract toString(): string;
}

/** Sends one script; the fault decides whether it arrives twice at once, or again because its answer was lost. */
export class Send extends Possible {
  readonly #name: string;
  readonly #choice: Choice;
  readonly #pick: Pick;
  readonly #fault: SendFault;
  #told = "";

  constructor(name: string, choice: Choice, pick: Pick, fault: SendFault) {
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
  "completed",
  "granted",
  "revoked",
  "limited",
]);

/** Two scripts at once: what comes of it must be what comes of one after the other, in either order. */
export class Race extends Possible {
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

function describe(op: Operation): string {
  const brief = (name: string, value: unknown) => (name === "record" ? idOf(value) : value);
  return JSON.stringify(op, brief);
}

function idOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("id" in value) || !("sequence" in value)) return value;
  return `${value.id} as of ${value.sequence}`;
}
