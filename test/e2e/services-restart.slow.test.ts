import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { verified } from "../support/receiver.ts";
import { acceptedAs, proxied, raw, request, servicesEnvironment, test } from "../support/services.ts";
import { startGateway } from "../support/stack.ts";
import { reached } from "../support/waiting.ts";

/** Longer than any Worker would wait; one pair of runtime and Redis goes through all of it. */
const LONG = 90_000;
const SHORT = 15_000;

test("a service may take 90 s, and the gateway be killed and started again in between", {
  timeout: LONG + 60_000,
}, async ({ client, upstream, receiver, stack }) => {
  const { runtime, backing, gateway } = stack;
  const takes = runtime === "workerd" ? LONG : SHORT;
  const inbox = receiver.open();
  const body = Buffer.from([0, 1, 254, 255]);
  const slow = upstream.open([{ delayMs: takes, headers: { "content-type": "video/mp4" }, body }]);
  const meanwhile = upstream.open([{ delayMs: 3_000, body: "answered while the gateway was away" }]);

  const headers = { "callback-url": inbox.url };
  const first = acceptedAs(await proxied(client, "POST", `patient${slow.path}`, { body, headers }));
  const second = await request(client, { service: "patient", path: meanwhile.path });
  const began = (await slow.wait(1))[0]?.at ?? 0;
  await meanwhile.wait(1);
  // A call that is not recorded yet would be made again.
  for (const id of [first, second]) await reached(client, id, "running");
  await gateway.running.kill();
  await sleep(5_000); // the second one's outcome finds nobody; QStash tells it again
  const restarted = await startGateway(runtime, backing, {
    port: Number(new URL(gateway.url).port),
    env: servicesEnvironment(upstream),
  });
  try {
    expect(await client.ended(second, 50_000)).toMatchObject({
      status: "succeeded",
      attempt: 1,
      result: { body: "answered while the gateway was away" },
    });
    const ended = await client.ended(first, takes + 30_000);
    expect(ended).toMatchObject({ status: "succeeded", attempt: 1, result: { status: 200 } });
    expect(Date.parse(ended.endedAt ?? "") - began).toBeGreaterThanOrEqual(takes);
    expect((await raw(client, first)).bytes.equals(body)).toBe(true);
    const [callback] = await inbox.wait(1);
    expect(verified(callback, await client.signingSecret()).data).toMatchObject({ id: first });
    // Each service did its work once.
    expect([slow.calls.length, meanwhile.calls.length, inbox.received.length]).toEqual([1, 1, 1]);
  } finally {
    await restarted.running.stop();
  }
});
