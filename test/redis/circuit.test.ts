import { beforeEach, describe, expect, test } from "vitest";
import type { RecordCommand } from "../../src/ports/commands/delivery.ts";
import type { Store } from "../../src/ports/store.ts";
import type { ApiKey } from "../../src/projects/principal.ts";
import { CIRCUIT_OPEN, CIRCUITS } from "../../src/shared/limits.ts";
import { accepted, claimed, environments, freshProject, newDelivery, succeeded } from "./store-fixture.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe.each(await environments())("circuits on the %s engine", (_kind, { store, at, redis, dueOf }) => {
  let count = 0;
  // Each test travels in time: it has a project, and so a rate, of its own.
  let caller: ApiKey;
  beforeEach(async () => {
    caller = await freshProject(store);
  });
  /** A destination that no other test has. */
  const place = () => `https://r${++count}-${caller.project.slice(-6)}.example`;
  const circuitOf = (origin: string) => redis("HGET", `rb1:000:${caller.project}:proj`, `b:${origin}`);

  /** A task that ends now with one delivery to the destination; what `end` answered, and the delivery. */
  async function opened(origin: string, through: Store = store) {
    const held = await claimed(through, await accepted(through, caller), crypto.randomUUID());
    const lease = crypto.randomUUID();
    const delivery = { ...newDelivery(lease), url: `${origin}/hooks?a=b` };
    const command = succeeded(held.record, held.lease, { deliveries: [delivery] });
    const answer = await through.end(command);
    if (answer.kind !== "ended") throw new Error(`end answered ${answer.kind}`);
    return { id: delivery.id, lease, held: answer.held, again: () => through.end(command) };
  }

  function recordOf(
    id: string,
    attempt: number,
    lease: string,
    rest: Partial<RecordCommand> = {},
  ): RecordCommand {
    return {
      project: caller.project,
      delivery: id,
      lease,
      attempt,
      outcome: { kind: "retry", delay: 5_000 },
      log: JSON.stringify({ at: new Date().toISOString(), durationMs: 1, statusCode: 503 }),
      at: Date.now(),
      verdict: { circuit: "failed", failing: true },
      deliveries: [],
      nonce: crypto.randomUUID(),
      ...rest,
    };
  }

  /** Fails a destination's first attempts so many times in a row. */
  async function fail(origin: string, times: number): Promise<string[]> {
    const ids: string[] = [];
    for (let n = 0; n < times; n++) {
      const { id, lease } = await opened(origin);
      await store.record(recordOf(id, 1, lease));
      ids.push(id);
    }
    return ids;
  }

  const begin = (through: Store, id: string, attempt: number, lease: string = crypto.randomUUID()) =>
    through.leaseDelivery({ project: caller.project, delivery: id, attempt, lease, length: 20_000 });

  test("ten failures in a row open one; what is due is held back and uses up no attempt", async () => {
    const origin = place();
    const [first = ""] = await fail(origin, 9);
    expect((await begin(at(6_000), first, 2, "tenth")).kind).toBe("begun");
    await at(6_000).record(recordOf(first, 2, "tenth"));
    const late = at(12_000);
    const held = await begin(late, first, 3, "held");
    expect(held).toMatchObject({ kind: "held", delay: expect.any(Number), place: origin });
    expect(await begin(late, first, 3, "held")).toMatchObject({ kind: "early" });
    const read = await store.readDeliveries(caller, [first]);
    expect(read).toMatchObject({
      records: [{ status: "pending", attempt: 2, heldSince: expect.any(Number), attempts: [{}, {}] }],
    });
    expect(await dueOf(caller.project, first)).toBeGreaterThan(Date.now() + CIRCUIT_OPEN);
  });

  test("nine and a success, or an answer that shows it is alive, leave it closed", async () => {
    for (const verdict of [{ circuit: "alive" }, { circuit: "alive", failing: true }] as const) {
      const origin = place();
      await fail(origin, 9);
      const { id, lease } = await opened(origin);
      const outcome = { kind: "failing" in verdict ? "dead" : "delivered" } as const;
      await store.record(recordOf(id, 1, lease, { outcome, verdict }));
      expect(await circuitOf(origin)).toBeNull();
      await fail(origin, 9);
      expect((await opened(origin)).held.size).toBe(0);
    }
  });

  test("an open one holds first attempts back as they are opened; told twice the same", async () => {
    const origin = place();
    await fail(origin, 10);
    const { id, held, again } = await opened(origin);
    expect(held.get(id)).toBeGreaterThan(20_000);
    expect(await again()).toMatchObject({ kind: "ended", held });
    const read = await store.readDeliveries(caller, [id]);
    expect(read).toMatchObject({ records: [{ attempt: 0, leaseUntil: 0, heldSince: expect.any(Number) }] });
    expect(await begin(store, id, 1)).toMatchObject({ kind: "early" });
    expect((await opened(place())).held.size).toBe(0);
  });

  test("when its time is up one attempt is let through; its failure opens it twice as long, its success closes it", async () => {
    const origin = place();
    const [first = "", second = ""] = await fail(origin, 10);
    const later = at(CIRCUIT_OPEN + 6_000);
    expect((await begin(later, first, 2, "probe")).kind).toBe("begun");
    expect((await begin(later, second, 2)).kind).toBe("held");
    await later.record(recordOf(first, 2, "probe"));
    const third = at(CIRCUIT_OPEN + 27_000);
    expect(await begin(third, second, 2)).toMatchObject({ kind: "held" });
    const reopened = at(3 * CIRCUIT_OPEN + 8_000);
    const { id, lease, held } = await opened(origin, reopened);
    expect(held.size).toBe(0); // it is the probe
    expect((await begin(reopened, second, 2)).kind).toBe("held");
    await reopened.record(
      recordOf(id, 1, lease, { outcome: { kind: "delivered" }, verdict: { circuit: "alive" } }),
    );
    expect(await circuitOf(origin)).toBeNull();
    expect((await begin(at(3 * CIRCUIT_OPEN + 30_000), second, 2)).kind).toBe("begun");
  });

  test("a probe that is cut off is followed by another", async () => {
    const origin = place();
    const [first = "", second = ""] = await fail(origin, 10);
    const later = at(CIRCUIT_OPEN + 6_000);
    expect((await begin(later, first, 2)).kind).toBe("begun");
    expect((await begin(later, second, 2)).kind).toBe("held");
    expect((await begin(at(CIRCUIT_OPEN + 27_000), second, 2)).kind).toBe("begun");
  });

  test("no attempt is held back for more than an hour", async () => {
    const origin = place();
    const [first = "", ...others] = await fail(origin, 14);
    let time = 6_000;
    let attempts = 0;
    for (; time < 2 * HOUR; time += 2 * MINUTE) {
      const now = at(time);
      // Another delivery takes each probe and fails, so that the circuit never closes.
      const other = others[0] ?? "";
      const lease = crypto.randomUUID();
      const probe = await begin(now, other, attempts + 2, lease);
      if (probe.kind === "begun") {
        attempts += 1;
        await now.record(recordOf(other, attempts + 1, lease, { outcome: { kind: "retry", delay: 1_000 } }));
      }
      if ((await begin(now, first, 2)).kind === "begun") break;
    }
    expect(time).toBeGreaterThan(5 * MINUTE);
    expect(time).toBeLessThanOrEqual(HOUR + 5 * MINUTE);
  });

  test("sending a delivery again says that the receiver is mended", async () => {
    const origin = place();
    await fail(origin, 9);
    const { id, lease } = await opened(origin);
    const dead = recordOf(id, 1, lease, { outcome: { kind: "dead" } });
    await store.record(dead);
    expect((await opened(origin)).held.size).toBe(1);
    const command = {
      caller,
      scope: "tasks:write",
      delivery: id,
      delay: 0,
      endedAt: dead.at,
      nonce: "n",
    } as const;
    expect((await store.redeliver(command)).kind).toBe("found");
    expect((await begin(store, id, 2)).kind).toBe("begun");
    expect((await opened(origin)).held.size).toBe(0);
  });

  test("a project keeps a hundred, those of the destinations that failed last", async () => {
    const origins = Array.from({ length: CIRCUITS + 3 }, place);
    for (const [index, origin] of origins.entries()) {
      const { id, lease } = await opened(origin, at(index * 100));
      await at(index * 100).record(recordOf(id, 1, lease));
    }
    const names = (await redis("HKEYS", `rb1:000:${caller.project}:proj`))?.split(",") ?? [];
    expect(names.filter((name) => name.startsWith("b:")).length).toBeLessThanOrEqual(CIRCUITS);
    expect(await circuitOf(origins.at(-1) ?? "")).not.toBeNull();
    expect(await circuitOf(origins[0] ?? "")).toBeNull();
  });

  describe("of an endpoint that has moved", () => {
    const moving = (
      origin: string,
      to: string,
      id: string,
      attempt: number,
      lease: string,
      through: Store,
    ) => ({
      first: () => begin(through, id, attempt, lease),
      second: () =>
        through.leaseDelivery({
          project: caller.project,
          delivery: id,
          attempt,
          lease,
          length: 20_000,
          place: to,
        }),
      origin,
    });

    test("the old address's circuit holds nothing back: the new one's decides, told twice the same", async () => {
      const [old, now] = [place(), place()];
      const [first = ""] = await fail(old, 10);
      const { first: before, second } = moving(old, now, first, 2, "moved", at(6_000));
      expect(await before()).toMatchObject({ kind: "held", place: old });
      expect(await second()).toMatchObject({ kind: "begun", place: now });
      expect(await second()).toMatchObject({ kind: "begun", place: now });
      const url = `${now}/hooks`;
      const outcome = { kind: "delivered" } as const;
      await at(6_000).record(recordOf(first, 2, "moved", { outcome, url, verdict: { circuit: "alive" } }));
      expect(await store.readDeliveries(caller, [first])).toMatchObject({ records: [{ url, attempt: 2 }] });
      expect(await circuitOf(old)).not.toBeNull(); // nothing was learnt of the old one
    });

    test("an open circuit of the new address holds it back, and it uses up no attempt", async () => {
      const [old, now] = [place(), place()];
      const [waiting = ""] = await fail(old, 1);
      await fail(now, 10);
      const { first, second } = moving(old, now, waiting, 2, "moved", at(6_000));
      expect(await first()).toMatchObject({ kind: "begun", place: old });
      expect(await second()).toMatchObject({ kind: "held", place: now });
      const read = await store.readDeliveries(caller, [waiting]);
      expect(read).toMatchObject({ records: [{ attempt: 1, leaseUntil: 0, heldSince: expect.any(Number) }] });
      expect(await begin(at(6_000), waiting, 2)).toMatchObject({ kind: "early" });
      expect(await begin(at(CIRCUIT_OPEN + 12_000), waiting, 2)).toMatchObject({ kind: "begun", place: now });
    });

    test("failures at the new address, another port too, open its circuit and not the old one's", async () => {
      const old = place();
      const now = `${old}:8443`;
      for (let n = 0; n < 10; n++) {
        const { id, lease } = await opened(old);
        await store.record(recordOf(id, 1, lease, { url: `${now}/hooks` }));
      }
      expect(await circuitOf(old)).toBeNull();
      expect(await circuitOf(now)).not.toBeNull();
      expect((await opened(old)).held.size).toBe(0);
      expect((await opened(now)).held.size).toBe(1);
    });

    test("one destination has one circuit, however its address is written", async () => {
      const origin = place();
      await fail(origin, 5);
      await fail(origin.replace("https://", "HTTPS://").replace(".example", ".EXAMPLE:443"), 5);
      expect((await opened(origin)).held.size).toBe(1);
    });
  });

  test("an attempt that waits for a verification is given back, later each time, and for a day at most", async () => {
    const [id = ""] = await fail(place(), 1);
    const look = async (ms: number, lease: string) => {
      const begun = await begin(at(ms), id, 2, lease);
      expect(begun.kind).toBe("begun");
      const command = { project: caller.project, delivery: id, lease, attempt: 2 };
      const wait = await at(ms).putOff(command);
      const again = await at(ms).putOff(command);
      if (wait !== undefined) expect(Math.abs((again ?? 0) - wait)).toBeLessThan(2_000);
      return wait;
    };
    expect(await look(6_000, "one")).toBe(5_000);
    expect(await at(6_000).readDeliveries(caller, [id])).toMatchObject({
      records: [{ status: "pending", attempt: 1, leaseUntil: 0, unverifiedSince: expect.any(Number) }],
    });
    expect(await begin(at(6_000), id, 2)).toMatchObject({ kind: "early" });
    expect(await look(60_000, "two")).toBeGreaterThan(50_000);
    expect(await look(10 * HOUR, "three")).toBe(HOUR);
    expect(await look(25 * HOUR, "four")).toBeUndefined();
    await at(25 * HOUR).record(recordOf(id, 2, "four", { outcome: { kind: "dead" }, verdict: {} }));
    const [dead] = await recordsOf(id);
    expect(dead).toMatchObject({ status: "dead" });
    expect(dead).not.toHaveProperty("unverifiedSince");
  });

  async function recordsOf(id: string) {
    const read = await store.readDeliveries(caller, [id]);
    return read.kind === "found" ? read.records : [];
  }
});
