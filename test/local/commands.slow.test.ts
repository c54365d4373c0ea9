import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressIn, tokenIn } from "../../scripts/variables.ts";
import { CommandFailure } from "../../src/local/command/failure.ts";
import { eventually } from "../support/client.ts";
import { freePort, node, root, start, startRedis } from "../support/process.ts";

// What a command says when it is called wrongly, or when what it needs is not there: one clear line, and its exit code.

/** A server that takes connections and closes them: its port is taken. */
let taken: Server;
let port = "";
beforeAll(async () => {
  taken = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address();
  if (typeof address !== "object" || !address) throw new Error("no address");
  port = `${address.port}`;
});
afterAll(() => void taken.close());

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** Runs a command as its npm script does, to its end. */
function run(file: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const { PATH = "", HOME = "" } = process.env;
  return new Promise<Ended>((resolve) => {
    execFile(
      node,
      [`${root}/scripts/bootstrap.mjs`, file, ...args],
      { cwd: root, env: { PATH, HOME, ...env }, timeout: 30_000 },
      (failed, out, error) => resolve({ code: failed ? Number(failed.code) : 0, out, error }),
    );
  });
}

/** One line on stderr, without a stack. */
function expectOneLine({ error }: Ended, line: string | RegExp): void {
  expect(error.trimEnd().split("\n")).toEqual([
    typeof line === "string" ? line : expect.stringMatching(line),
  ]);
}

const COMMANDS = {
  "npm start": "src/local/start.ts",
  "npm run example NAME": "examples/start.ts",
  "npm run local:redis": "src/local/redis/main.ts",
  "npm run local:qstash": "src/local/qstash/main.ts",
  "npm run key": "scripts/key.ts",
  "npm run schedule": "scripts/schedule.ts",
  "npm run bench": "bench/main.ts",
  "npm run profile": "bench/profile/main.ts",
  "npm run scale": "bench/scale/main.ts",
  "npm run soak": "bench/soak/main.ts",
  "npm run volume": "bench/volume/main.ts",
  "npm run fuzz": "test/fuzz/main.ts",
  "npm run faults": "test/faults/main.ts",
};

test.each(Object.entries(COMMANDS))(
  "%s names an option that it does not know, and says how it is called",
  async (call, file) => {
    const { code, out, error } = await run(file, ["--api-key=hunter2"]);
    const [fault, usage] = error.split("\n");
    expect(fault).toBe("unknown option --api-key");
    expect(usage).toMatch(new RegExp(`^usage: ${call} --`));
    expect(`${error}${out}`).not.toContain("hunter2");
    expect(code).toBe(2);
  },
);

test("npm run key -- --help", async () => {
  const { code, out, error } = await run("scripts/key.ts", ["--help"]);
  expect(out).toMatch(/^usage: npm run key -- --project NAME/);
  expect([code, error]).toEqual([0, ""]);
});

test("a break that there is not is a usage error", async () => {
  const { code, error } = await run("test/faults/main.ts", ["--break", "nothing"]);
  expect(error).toMatch(/^--break must be .+ or .+\nusage: npm run faults --/);
  expect(code).toBe(2);
});

describe("a port that is taken", () => {
  test.each([
    ["src/local/start.ts", { RUNTIME: "workerd" }],
    ["src/local/start.ts", { RUNTIME: "deno" }],
    ["src/local/dev.ts", {}],
    ["src/local/redis/main.ts", {}],
    ["src/local/qstash/main.ts", {}],
  ])("%s, %j", async (file, env) => {
    const ended = await run(file, [], { ...env, PORT: port });
    expectOneLine(ended, `PORT ${port} of 127.0.0.1 is taken`);
    expect(ended.code).toBe(1);
  });

  test("the Deno entry point", async () => {
    const ended = await runDeno({ PORT: port, HOST: "127.0.0.1" });
    expect(JSON.parse(ended.error)).toEqual({
      time: expect.any(String),
      level: "error",
      event: "cannot-listen",
      port: Number(port),
      host: "127.0.0.1",
      reason: "AddrInUse",
    });
    expect(ended.code).toBe(1);
  });
});

describe("a value that is none", () => {
  test.each([
    ["src/local/start.ts", "http"],
    ["src/local/redis/main.ts", "65536"],
    ["src/local/qstash/main.ts", " 80"],
  ])("%s with PORT=%j", async (file, value) => {
    const ended = await run(file, [], { PORT: value });
    expectOneLine(ended, "PORT must be a whole number from 0 to 65535");
    expect(ended.code).toBe(1);
  });

  test("PORT or HOST of the Deno entry point", async () => {
    const bad = await runDeno({ PORT: "http" });
    expectOneLine(bad, /"bad-configuration","error":"PORT must be a whole number from 0 to 65535"/);
    const foreign = await runDeno({ PORT: "0", HOST: "192.0.2.1" });
    expectOneLine(foreign, /"cannot-listen"/);
    expect([bad.code, foreign.code]).toEqual([1, 1]);
  });

  test("RUNTIME, and REDIS_URL", async () => {
    const runtime = await run("src/local/start.ts", [], { RUNTIME: "bun-hunter2" });
    expectOneLine(runtime, "RUNTIME must be workerd or deno");
    const redis = await run("src/local/start.ts", [], { REDIS_URL: "https://hunter2@redis.example.com" });
    expectOneLine(redis, "REDIS_URL must be a redis:// or rediss:// address");
    expect([runtime.code, redis.code]).toEqual([1, 1]);
  });
});

describe("a service that is not there", () => {
  const key = (env: Readonly<Record<string, string>>) => run("scripts/key.ts", ["--project", "acme"], env);
  const schedule = (env: Readonly<Record<string, string>>) =>
    run("scripts/schedule.ts", [], {
      RINGBACK_PUBLIC_URL: "https://gateway.example.com",
      QSTASH_TOKEN: "a-token-of-a-test",
      ...env,
    });

  test("a gateway that is down, or is no gateway", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const down = await key({ RINGBACK_PUBLIC_URL: url });
    expectOneLine(down, `${url} gave no key: it does not answer (ECONNREFUSED)`);
    const other = await key({ RINGBACK_PUBLIC_URL: `http://127.0.0.1:${port}/` });
    expectOneLine(other, /^http:\/\/127\.0\.0\.1:\d+ gave no key: it does not answer \(\w+\)$/);
    expect([down.code, other.code]).toEqual([1, 1]);
  });

  test("QStash that is down", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const down = await schedule({ QSTASH_URL: url });
    expectOneLine(down, `${url} made no schedule: it does not answer (ECONNREFUSED)`);
    expect(down.code).toBe(1);
  });

  test("without the variables that it needs", async () => {
    expectOneLine(await key({ RINGBACK_ADMIN_TOKEN: "hunter2\n" }), /^RINGBACK_ADMIN_TOKEN must be one line/);
    expectOneLine(await schedule({ QSTASH_TOKEN: "" }), "QSTASH_TOKEN is required");
  });
});

describe("variables of the scripts", () => {
  test.each(["hunter2", "ftp://hunter2.example", "https://hunter2@a.example", "https://a/?hunter2"])(
    "an address may not be %s",
    (value) => {
      const message = "URL must be an http(s) address without user, query and fragment";
      expect(() => addressIn({ URL: value }, "URL")).toThrow(new CommandFailure(message));
    },
  );

  test.each(["hunter2\n", " hunter2", "hunter2\u00e4", "hunter2\u0416"])("a token may not be %j", (value) => {
    const message = "TOKEN must be one line of ASCII without white space around it";
    expect(() => tokenIn({ TOKEN: value }, "TOKEN")).toThrow(new CommandFailure(message));
  });

  test("what is not set has its usual value, or is required", () => {
    expect(addressIn({ URL: "" }, "URL", "http://127.0.0.1:1//")).toBe("http://127.0.0.1:1");
    expect(tokenIn({}, "TOKEN", "a token")).toBe("a token");
    expect(() => addressIn({}, "URL")).toThrow("URL is required");
    expect(() => tokenIn({ TOKEN: "" }, "TOKEN")).toThrow("TOKEN is required");
  });
});

describe("Redis that is down", () => {
  test("npm start on a Redis over REST says what its gateway answers", { timeout: 60_000 }, async () => {
    const { running } = await start({
      command: node,
      args: [`${root}/scripts/bootstrap.mjs`, "src/local/start.ts"],
      env: {
        UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${await freePort()}`,
        UPSTASH_REDIS_REST_TOKEN: "hunter2",
        PORT: `${await freePort()}`,
      },
      ready: /^gateway: not ready yet: it answered 503: .*; trying again$/m,
    });
    await running.stop();
    expect(running.output()).not.toContain("hunter2");
  });

  test.concurrent.each(["src/local/start.ts", "src/local/redis/main.ts", "src/local/qstash/main.ts"])(
    "%s says so every ten seconds, and starts when it comes",
    { timeout: 90_000 },
    async (file) => {
      const redisPort = await freePort();
      const address = `redis://user:hunter2@127.0.0.1:${redisPort}/2`;
      const line = `REDIS_URL: Redis does not answer at redis://user:***@127.0.0.1:${redisPort}/2 (ECONNREFUSED); trying again`;
      const env = { REDIS_URL: address, PORT: `${await freePort()}` };
      const began = performance.now();
      const { running } = await start({
        command: node,
        args: [`${root}/scripts/bootstrap.mjs`, file],
        env,
        ready: /trying again.*trying again/s,
      });
      try {
        const between = performance.now() - began;
        expect(between).toBeGreaterThan(9_500);
        expect(
          running
            .output()
            .split("\n")
            .filter((one) => one === line),
        ).toHaveLength(2);
        const redis = await startRedis({
          port: redisPort,
          args: ["--user", "user", "on", ">hunter2", "~*", "&*", "+@all"],
        });
        try {
          await eventually(() => expect(running.output()).toMatch(/^ready \{/m), { timeoutMs: 60_000 });
          expect(running.output()).not.toContain("hunter2");
        } finally {
          await running.stop();
          await redis.stop();
        }
      } finally {
        await running.stop();
      }
    },
  );
});

function runDeno(env: Readonly<Record<string, string>>): Promise<Ended> {
  const own = {
    UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9",
    UPSTASH_REDIS_REST_TOKEN: "t",
    QSTASH_URL: "http://127.0.0.1:9",
    QSTASH_TOKEN: "t",
    QSTASH_CURRENT_SIGNING_KEY: "a",
    QSTASH_NEXT_SIGNING_KEY: "b",
    RINGBACK_PUBLIC_URL: "http://127.0.0.1:8787",
    RINGBACK_MASTER_SECRET: "a master secret of this test alone",
    RINGBACK_ADMIN_TOKEN: "an-admin-token-of-this-test",
  };
  const { PATH = "", HOME = "" } = process.env;
  const flags = ["--quiet", "--allow-net", "--allow-env", "--allow-read=.", "--no-prompt"];
  const offline = ["--node-modules-dir=manual", "--no-lock", "--cached-only"];
  return new Promise((resolve) => {
    execFile(
      `${root}/node_modules/.bin/deno`,
      ["run", ...flags, ...offline, "src/deno.ts"],
      { cwd: root, env: { PATH, HOME, ...own, ...env }, timeout: 30_000 },
      (failed, out, error) => resolve({ code: failed ? Number(failed.code) : 0, out, error }),
    );
  });
}
