import { Client } from "@upstash/qstash";
import { Redis } from "@upstash/redis/cloudflare";
import { afterEach, describe, expect, test } from "vitest";
import { type Services, startServices } from "../../src/local/stack/services.ts";
import { node, root, start, startRedis } from "../support/process.ts";

const opened: Services[] = [];
afterEach(async () => {
  for (const services of opened.splice(0)) await services.close();
});

async function open(env: Record<string, string> = {}): Promise<Services> {
  const services = await startServices(env);
  opened.push(services);
  await services.openQueue();
  return services;
}

const variable = (services: Services, name: string): string => services.variables[name] ?? "";

const redisOf = (services: Services): Redis =>
  new Redis({
    url: variable(services, "UPSTASH_REDIS_REST_URL"),
    token: variable(services, "UPSTASH_REDIS_REST_TOKEN"),
    enableTelemetry: false,
  });

const queueOf = (services: Services): Client =>
  new Client({
    baseUrl: variable(services, "QSTASH_URL"),
    token: variable(services, "QSTASH_TOKEN"),
    devMode: false,
    enableTelemetry: false,
  });

describe("the services of a local run", () => {
  test("both stand-ins run side by side with another run's", async () => {
    const [one, two] = [await open(), await open()];
    expect(one.redis).toBe("embedded");
    const addresses = [one, two].flatMap(({ variables }) => [
      variables["UPSTASH_REDIS_REST_URL"],
      variables["QSTASH_URL"],
    ]);
    expect(new Set(addresses).size).toBe(4);
    await redisOf(one).set("whose", "one");
    expect(await redisOf(two).get("whose")).toBeNull();
    for (const services of [one, two]) expect(await queueOf(services).schedules.list()).toEqual([]);
  });

  test("what is configured by URL is not started", async () => {
    const redis = { UPSTASH_REDIS_REST_URL: "https://db.upstash.example" };
    const queue = { QSTASH_URL: "https://qstash.example" };
    expect((await open({ ...redis, ...queue })).variables).toEqual({});
    const one = await open(redis);
    expect(one.redis).toBe(redis.UPSTASH_REDIS_REST_URL);
    expect(Object.keys(one.variables).filter((name) => name.startsWith("UPSTASH_"))).toEqual([]);
    expect(await queueOf(one).schedules.list()).toEqual([]);
    expect(Object.keys((await open(queue)).variables).sort()).toEqual([
      "UPSTASH_REDIS_REST_TOKEN",
      "UPSTASH_REDIS_REST_URL",
    ]);
  });

  test("REDIS_URL puts a real Redis under both", async () => {
    const real = await startRedis();
    const services = await open({ REDIS_URL: real.url });
    expect(services.redis).toBe(real.url);
    await redisOf(services).set("k", "v");
    await queueOf(services).schedules.create({ destination: "http://127.0.0.1:9/", cron: "0 0 1 1 *" });
    const again = await open({ REDIS_URL: real.url });
    expect(await redisOf(again).get("k")).toBe("v");
    expect(await queueOf(again).schedules.list()).toHaveLength(1);
    for (const each of opened.splice(0)) await each.close();
    await real.stop();
  });
});

test("npm run schedule makes the sweep's schedule, and made twice it is one", async () => {
  const services = await open();
  const env = {
    RINGBACK_PUBLIC_URL: "https://gateway.example/",
    QSTASH_URL: variable(services, "QSTASH_URL"),
    QSTASH_TOKEN: variable(services, "QSTASH_TOKEN"),
  };
  for (let i = 0; i < 2; i++) {
    const args = [`${root}/scripts/bootstrap.mjs`, "scripts/schedule.ts"];
    const { running } = await start({ command: node, args, env, ready: /^schedule ringback-sweep: /m });
    expect(await running.ended).toBe(0);
  }
  expect(await queueOf(services).schedules.list()).toEqual([
    expect.objectContaining({
      scheduleId: "ringback-sweep",
      cron: "*/30 * * * *",
      destination: "https://gateway.example/internal/sweep",
      method: "POST",
    }),
  ]);
});

test.each([
  ["no file", [], /usage: node scripts\/bootstrap\.mjs <file>/, 2],
  ["a key without a project", ["scripts/key.ts"], /usage: npm run key/, 2],
  ["a key where no gateway is", ["scripts/key.ts", "--project", "acme"], /gave no key/, 1],
])("%s says what is wrong and ends non-zero", async (_, args, said, code) => {
  const env = { RINGBACK_PUBLIC_URL: "http://127.0.0.1:9" };
  const { running } = await start({
    command: node,
    args: [`${root}/scripts/bootstrap.mjs`, ...args],
    env,
    ready: said,
  });
  expect(await running.ended).toBe(code);
});
