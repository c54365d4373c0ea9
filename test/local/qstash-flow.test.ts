import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bench, ManualClock, startBench, until } from "./qstash-harness.ts";

describe("flow control", () => {
  const clock = new ManualClock();
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ clock, plan: { parallelism: 8 } });
  });
  afterAll(() => bench.stop());

  /** An inbox whose requests are answered one by one, when the test says so. */
  function gate(name: string) {
    const waiting: (() => void)[] = [];
    let highest = 0;
    let open = 0;
    const url = bench.destination.url(name, () => {
      highest = Math.max(highest, ++open);
      const after = new Promise<void>((resolve) => {
        waiting.push(() => {
          open--;
          resolve();
        });
      });
      return { after };
    });
    return {
      url,
      /** Requests that have come. */
      got: () => bench.destination.got(name).length,
      highest: () => highest,
      async release(count: number) {
        for (let i = 0; i < count; i++) (await until(() => waiting.shift()))();
      },
    };
  }

  const settled = () => sleep(40);

  test("parallelism: no more than so many calls of a key at a time, whatever the destination", async () => {
    const a = gate("par-a");
    const b = gate("par-b");
    const flowControl = { key: "par", parallelism: 2 };
    for (const { url } of [a, b, a, b, a]) await bench.client.publishJSON({ url, flowControl });
    await until(() => (a.got() + b.got() === 2 ? true : undefined));
    await settled();
    expect(await bench.client.flowControl.get("par")).toMatchObject({
      flowControlKey: "par",
      waitListSize: 3,
      parallelismMax: 2,
      parallelismCount: 2,
      isPaused: false,
    });
    await a.release(1);
    await until(() => (a.got() + b.got() === 3 ? true : undefined));
    await b.release(1);
    await a.release(1);
    await b.release(1);
    await a.release(1);
    await until(async () => {
      const { parallelismCount, waitListSize } = await bench.client.flowControl.get("par");
      return parallelismCount === 0 && waitListSize === 0 ? true : undefined;
    });
    expect([a.got(), b.got()]).toEqual([3, 2]);
  });

  test("rate: no more than so many calls in a period; the rest wait for the next one", async () => {
    const url = bench.destination.url("rate");
    const flowControl = { key: "rate", rate: 2, period: "1m" } as const;
    for (let n = 0; n < 5; n++) await bench.client.publishJSON({ url, flowControl });
    for (const count of [2, 4, 5]) {
      await bench.destination.wait("rate", count);
      await settled();
      expect(bench.destination.got("rate").length).toBe(count);
      if (count === 2) {
        expect(await bench.client.flowControl.get("rate")).toMatchObject({
          rateMax: 2,
          rateCount: 2,
          ratePeriod: 60,
          ratePeriodStart: Math.floor(clock.now() / 1_000),
          waitListSize: 3,
        });
      }
      clock.advance(60_000);
    }
  });

  test("a message sets its key's limits", async () => {
    const publish = (parallelism: number) =>
      bench.client.publishJSON({
        url: bench.destination.url("limits"),
        flowControl: { key: "limits", parallelism, rate: 9 },
      });
    await publish(3);
    await publish(4);
    expect(await bench.client.flowControl.get("limits")).toMatchObject({
      parallelismMax: 4,
      rateMax: 9,
      ratePeriod: 1,
      isPinnedParallelism: false,
      isPinnedRate: false,
    });
  });

  test("a message that waits in its key's line can be read and taken back; a delivered one is unknown", async () => {
    const inbox = gate("line");
    const flowControl = { key: "line", parallelism: 1 };
    const publish = async (n: number) =>
      (await bench.client.publishJSON({ url: inbox.url, body: { n }, flowControl })).messageId;
    const [first, second, third] = [await publish(1), await publish(2), await publish(3)];
    await until(() => (inbox.got() === 1 ? true : undefined));
    for (const messageId of [first, second, third]) {
      expect(await bench.client.messages.get(messageId)).toMatchObject({
        messageId,
        url: inbox.url,
        flowControlKey: "line",
        parallelism: 1,
      });
    }
    const { logs } = await bench.client.logs({ messageIds: [second] });
    expect(logs.map(({ state }) => state)).toEqual(["CREATED"]);
    expect(await bench.client.messages.cancel(second)).toEqual({ cancelled: 1 });
    await expect(bench.client.messages.get(second)).rejects.toMatchObject({ status: 404 });
    await inbox.release(1);
    await until(() => (inbox.got() === 2 ? true : undefined));
    await expect(bench.client.messages.get(first)).rejects.toMatchObject({ status: 404 });
    expect((await bench.client.messages.get(third)).messageId).toBe(third);
    await inbox.release(1);
    await bench.logs(third, "DELIVERED");
    expect(bench.destination.got("line").map(({ body }) => body.toString())).toEqual(['{"n":1}', '{"n":3}']);
  });

  test("pause keeps messages in the wait list, resume lets them go", async () => {
    const url = bench.destination.url("pause");
    await bench.client.flowControl.pause("pause");
    await bench.client.publishJSON({ url, flowControl: { key: "pause", parallelism: 1 } });
    await settled();
    expect(bench.destination.got("pause").length).toBe(0);
    expect(await bench.client.flowControl.get("pause")).toMatchObject({ isPaused: true, waitListSize: 1 });
    await bench.client.flowControl.resume("pause");
    await bench.destination.wait("pause", 1);
  });

  test("an unknown key is 404, limits that make no sense are 400", async () => {
    await expect(bench.client.flowControl.get("nobody")).rejects.toMatchObject({ status: 404 });
    const headers = { "Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": "speed=3" };
    await expect(bench.client.publish({ url: bench.destination.url("x"), headers })).rejects.toThrow(
      "Upstash-Flow-Control-Value should be either rate=X or parallelism=Y, or both as comma-separated values",
    );
  });

  test("global parallelism: what exceeds the account's calls in flight waits, and is not refused", async () => {
    const all = gate("global");
    for (let n = 0; n < 11; n++) await bench.client.publishJSON({ url: all.url });
    await until(() => (all.got() === 8 ? true : undefined));
    await settled();
    expect(all.got()).toBe(8);
    expect(await bench.client.flowControl.getGlobalParallelism()).toEqual({
      parallelismMax: 8,
      parallelismCount: 8,
    });
    await all.release(11);
    await until(() => (all.got() === 11 ? true : undefined));
    expect(all.highest()).toBeLessThanOrEqual(8);
  });
});
