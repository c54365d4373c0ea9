import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bank, type Course, startBank } from "../../examples/payment-verification/bank.ts";
import { verifyPayment } from "../../examples/payment-verification/task.ts";
import { handlerBackoff } from "../../src/shared/time/retry-schedule.ts";
import { eventually } from "../support/client.ts";
import { type Example, hostExample } from "../support/example.ts";
import { Receiver, verified } from "../support/receiver.ts";
import { run, taskError } from "../task-types/context.ts";

// examples/payment-verification, whole: gateway, bank and the client's receiver.

const TOKEN = "bank-token-of-the-test";
const PENDING = { status: "pending", retryAfter: 1 } as const;
const SETTLED = { status: "settled", amount: 4_900, currency: "EUR" } as const;
const DAY = 86_400_000;

let bank: Bank;
let example: Example;
let receiver: Receiver;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  bank = await startBank({ port: 0, token: TOKEN });
  stops.push(() => bank.stop());
  receiver = await Receiver.start();
  stops.push(() => receiver.stop());
  example = await hostExample("payment-verification", { BANK_URL: bank.url, BANK_TOKEN: TOKEN });
  stops.push(example.hosted.stop);
});
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

const inputOf = (paymentId: string) => ({ paymentId, amount: 4_900, currency: "EUR" });

async function verify(paymentId: string, course: Course) {
  bank.know(paymentId, course);
  return await example.client.submit({ type: "payment.verify", input: inputOf(paymentId) });
}

describe("a payment", () => {
  test.each([
    ["settled", SETTLED, { verdict: "settled", amount: 4_900, currency: "EUR" }],
    ["declined", { status: "declined", reason: "no-funds" }, { verdict: "declined", reason: "no-funds" }],
  ] as const)("that is %s after a while is told so by the callback", async (how, end, verdict) => {
    const { client } = example;
    const inbox = receiver.open();
    const paymentId = `callback-${how}`;
    bank.know(paymentId, [PENDING, PENDING, PENDING, end]);
    const { id } = await client.submit({
      type: "payment.verify",
      input: inputOf(paymentId),
      callbackUrl: inbox.url,
    });
    const [callback] = await inbox.wait(1, 20_000);
    expect(verified(callback, await client.signingSecret())).toMatchObject({
      type: "task.succeeded",
      data: { id, status: "succeeded", attempt: 1, result: { paymentId, ...verdict } },
    });
    const asked = bank.asked(paymentId);
    expect(asked).toHaveLength(4);
    expect((asked.at(-1) ?? 0) - (asked[0] ?? 0)).toBeGreaterThan(2_950);
  });

  test.each([
    ["amount", { ...SETTLED, amount: 49 }],
    ["currency", { ...SETTLED, currency: "USD" }],
  ])("of another %s than was to be paid is mismatched", async (which, said) => {
    const { id } = await verify(`mismatch-${which}`, [said]);
    expect(await example.client.ended(id)).toMatchObject({
      status: "succeeded",
      result: { verdict: "mismatched", amount: said.amount, currency: said.currency },
    });
  });

  test("for which the bank wants longer is asked for by the next attempt, and not before", async () => {
    const { id } = await verify("slow", [PENDING, { status: "pending", retryAfter: 11 }, PENDING, SETTLED]);
    const between = await eventually(
      async () => {
        const now = await example.client.task(id);
        expect([now.status, now.attempt, bank.asked("slow").length]).toEqual(["queued", 1, 2]);
        return now;
      },
      { everyMs: 100 },
    );
    expect(between.progress?.message).toBe("The bank does not know yet.");
    // Without the bank's word the next attempt would come after two seconds.
    expect(await example.client.ended(id, 40_000)).toMatchObject({
      status: "succeeded",
      attempt: 2,
      result: { verdict: "settled" },
    });
    const [, second = 0, third = 0] = bank.asked("slow");
    expect(third - second).toBeGreaterThan(10_900);
  });

  test("that the bank does not know fails the task", async () => {
    const { id } = await example.client.submit({ type: "payment.verify", input: inputOf("nobody") });
    expect(await example.client.ended(id)).toMatchObject({
      status: "failed",
      attempt: 1,
      error: { code: "payment-unknown", retryable: false },
    });
  });

  test("is asked for no more once its task is canceled", async () => {
    const { client } = example;
    const { id } = await verify("canceled", [PENDING]);
    await eventually(() => expect(bank.asked("canceled").length).toBeGreaterThan(1));
    expect((await client.send("POST", `/v1/tasks/${id}/cancel`)).status).toBe(200);
    // The handler hears of it when it says its next progress.
    await eventually(() => expect(Date.now() - (bank.asked("canceled").at(-1) ?? 0)).toBeGreaterThan(3_000), {
      timeoutMs: 25_000,
    });
    // Unheard, it would have asked for ten seconds.
    expect(bank.asked("canceled").length).toBeLessThan(8);
    expect((await client.task(id)).status).toBe("canceled");
  });
});

describe("a bank", () => {
  test("that is away is asked again when it is back", async () => {
    const first = await startBank({ port: 0, token: TOKEN });
    const { port } = new URL(first.url);
    const own = await hostExample("payment-verification", { BANK_URL: first.url, BANK_TOKEN: TOKEN });
    try {
      await first.stop();
      const { id } = await own.client.submit({ type: "payment.verify", input: inputOf("outage") });
      await eventually(async () => {
        const { status, attempt } = await own.client.task(id);
        expect(status).toBe("queued");
        expect(attempt).toBeGreaterThan(0);
      });
      const second = await startBank({ port: Number(port), token: TOKEN });
      second.know("outage", [503, SETTLED]);
      const task = await own.client.ended(id, 30_000).finally(() => second.stop());
      expect(task).toMatchObject({ status: "succeeded", result: { verdict: "settled" } });
      // One attempt at least while it was away, and one that it answered 503.
      expect(task.attempt).toBeGreaterThanOrEqual(3);
      const causes = (await own.client.timeline(id)).map(({ cause }) => cause).filter(Boolean);
      expect(causes).toEqual(Array.from({ length: task.attempt - 1 }, () => "bank-unavailable"));
    } finally {
      await own.hosted.stop();
    }
  });

  test("that answers with anything else gives no verdict", async () => {
    const access = { url: bank.url, token: TOKEN };
    const bodies = {
      page: "<h1>Maintenance</h1>",
      new: '{"id":"new","status":"on-hold"}',
      other: '{"id":"another","status":"settled","amount":4900,"currency":"EUR"}',
    };
    for (const [paymentId, body] of Object.entries(bodies)) {
      bank.know(paymentId, [body]);
      const error = await taskError(run(verifyPayment(access), inputOf(paymentId)));
      expect([error.code, error.retryable]).toEqual(["bank-unavailable", true]);
    }
    const stranger = await taskError(run(verifyPayment({ ...access, token: "of nobody" }), inputOf("page")));
    expect([stranger.code, stranger.retryable]).toEqual(["bank-refused", false]);
  });

  test("that does not know for 30 days is asked until the deadline: the attempts do not run out before", async () => {
    const definition = verifyPayment({ url: bank.url, token: TOKEN });
    bank.know("forever", [{ status: "pending" }]);
    bank.know("down", [503]);
    for (const paymentId of ["forever", "down"]) {
      let waited = 0;
      for (let attempt = 1; attempt <= (definition.retries ?? 0); attempt++) {
        const error = await taskError(run(definition, inputOf(paymentId), { attempt }));
        expect(error.retryable).toBe(true);
        // The flow waits for the longer of the two.
        waited += Math.max(handlerBackoff(attempt, 0), error.retryAfter ?? 0);
        if (attempt < 30) expect(error.retryAfter ?? 0).toBeLessThanOrEqual(60_000);
      }
      expect(waited).toBeGreaterThan(30 * DAY);
    }
  });
});
