import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, vi } from "vitest";
import { cli, keyOf, startCli } from "../support/cli.ts";
import { newProject } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { freePort } from "../support/process.ts";

// The real program against a real gateway: its output, its errors and its exit codes.

vi.setConfig({ testTimeout: 180_000 }); // each command is a process, and the tests run at the same time

const FAILING = '{"failures": 9}';

/** The document that a command with `--json` wrote. */
const documentOf = ({ stdout }: { readonly stdout: string }) => JSON.parse(stdout) as Record<string, unknown>;

describe("ringback submit", () => {
  test("prints the task, and how to follow it", async ({ client }) => {
    const { code, stdout, stderr } = await cli(["submit", "diagnostics.echo", '{"a": 1}'], {
      env: keyOf(client),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const id = /^id +(task_\w+)$/m.exec(stdout)?.[1] ?? "";
    expect(stdout).toContain(`ringback watch ${id}`);
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", result: { a: 1 } });
  });

  test("takes a file, the standard input, and its options", async ({ client, receiver }) => {
    const folder = await mkdtemp(join(tmpdir(), "ringback-cli-"));
    try {
      const file = join(folder, "input.json");
      await writeFile(file, '{"from": "a file"}');
      const inbox = receiver.open();
      const env = keyOf(client);
      const options = ["--callback", inbox.url, "--idempotency-key", crypto.randomUUID(), "--json"];
      const first = documentOf(await cli(["submit", "diagnostics.echo", `@${file}`, ...options], { env }));
      const second = documentOf(await cli(["submit", "diagnostics.echo", `@${file}`, ...options], { env }));
      expect(second["id"]).toBe(first["id"]);
      const [callback] = await inbox.wait(1);
      expect(JSON.parse(callback?.body ?? "").data.result).toEqual({ from: "a file" });
      const delayed = await cli(["submit", "diagnostics.echo", "-", "--delay", "10m", "--json"], {
        env,
        stdin: "[1, 2.50]",
      });
      expect(documentOf(delayed)).toMatchObject({ status: "scheduled" });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("--wait ends with 0 when the task succeeded, and with 1 when it did not", async ({ client }) => {
    const env = keyOf(client);
    const well = await cli(["submit", "diagnostics.echo", '"ż"', "--wait", "--json"], { env });
    expect(well.code).toBe(0);
    expect(documentOf(well)).toMatchObject({ status: "succeeded", result: "ż" });
    const key = crypto.randomUUID();
    const slow = [
      "submit",
      "diagnostics.flaky",
      '{"failures": 0, "sleepMs": 60000}',
      "--idempotency-key",
      key,
    ];
    const waiting = cli([...slow, "--wait", "--json"], { env });
    const { id } = documentOf(await cli([...slow, "--json"], { env }));
    await client.send("POST", `/v1/tasks/${id}/cancel`);
    const badly = await waiting;
    expect(badly.code).toBe(1);
    expect(documentOf(badly)).toMatchObject({ id, status: "canceled" });
  });

  test("changes no number on its way: the gateway judges it", async ({ client }) => {
    const { code, stderr } = await cli(["submit", "diagnostics.echo", '{"id": 12345678901234567890}'], {
      env: keyOf(client),
    });
    expect(code).toBe(3);
    expect(stderr).toContain("#/input/id");
  });
});

describe("ringback get and watch", () => {
  test("show a task; a failed one is the exit code 1", async ({ client }) => {
    const env = keyOf(client);
    const failing = await client.submit({ type: "diagnostics.flaky", input: { failures: 9 }, retries: 0 });
    await client.ended(failing.id);
    const failed = await cli(["get", failing.id], { env });
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(/^status +failed$/m);
    expect(failed.stdout).toMatch(/^error +flaky: /m);
    const later = await client.submit({ type: "diagnostics.echo", input: 1, delay: "10m" });
    const pending = await cli(["get", later.id, "--json"], { env });
    expect(pending.code).toBe(0);
    expect(documentOf(pending)).toMatchObject({ id: later.id, status: "scheduled" });
  });

  test("watch shows the events and a progress bar, and ends with the task", async ({ client }) => {
    const env = keyOf(client);
    const input = { holdMs: 600_000, everyMs: 200 };
    const task = await client.submit({ type: "diagnostics.wait", input });
    const [people, json] = await Promise.all([
      startCli(["watch", task.id], /\[█*░*\] +\d+ % Step \d+/, env),
      startCli(["watch", task.id, "--json"], /^\{"type":"task\.progress".*"percent":\d/m, env),
    ]);
    await client.send("POST", `/v1/tasks/${task.id}/cancel`);
    expect(await Promise.all([people.running.ended, json.running.ended])).toEqual([1, 1]);
    expect(people.running.output()).toMatch(/^\S+ task\.started$/m);
    expect(people.running.output()).toMatch(/^status +canceled$/m);
    const lines = json.running.output().trim().split("\n");
    const [first, last] = [lines.at(0), lines.at(-1)].map((line) => JSON.parse(line ?? ""));
    expect(first).toMatchObject({ type: "task.created", sequence: 1 });
    expect(last).toMatchObject({ id: task.id, status: "canceled" });
  });
});

describe("ringback api", () => {
  test("makes any request, and prints its answer", async ({ client, stack }) => {
    const env = keyOf(client);
    const made = await cli(["api", "post", "/v1/tasks", '{"type": "diagnostics.echo", "input": 1}'], { env });
    expect(made.code).toBe(0);
    expect(made.stdout).toContain('\n  "type": "diagnostics.echo"');
    const list = await cli(["api", "GET", "/v1/tasks?limit=1", "--json"], { env });
    expect(list.stdout.trim().split("\n")).toHaveLength(1);
    expect(documentOf(list)).toMatchObject({ data: [{ type: expect.any(String) }] });
    const nothing = await cli(["api", "DELETE", "/v1/endpoints/ep_01kawv0m1ne0p86qyrcy9ba2z4"], { env });
    expect(nothing.code).toBe(3);
    const admin = { ...env, RINGBACK_ADMIN_TOKEN: stack.gateway.adminToken };
    const projects = await cli(["api", "GET", "/admin/projects", "--json"], { env: admin });
    expect(documentOf(projects)).toMatchObject({ data: expect.any(Array) });
  });
});

describe("ringback keys create", () => {
  test("prints the key alone, which works with its scopes", async ({ stack }) => {
    const env = { RINGBACK_URL: stack.gateway.url, RINGBACK_ADMIN_TOKEN: stack.gateway.adminToken };
    const project = `cli-${crypto.randomUUID()}`;
    const made = await cli(["keys", "create", "--project", project, "--scopes", "tasks:read, tasks:write"], {
      env: { ...env, RINGBACK_API_KEY: "rb_notused" },
    });
    expect({ code: made.code, stderr: made.stderr }).toEqual({ code: 0, stderr: "" });
    const key = made.stdout.trim();
    expect(key).toMatch(/^rb_\S+$/);
    const own = { RINGBACK_URL: stack.gateway.url, RINGBACK_API_KEY: key };
    expect((await cli(["submit", "diagnostics.echo", "1"], { env: own })).code).toBe(0);
    const secret = await cli(["api", "GET", "/v1/signing-secret"], { env: own });
    expect(secret.code).toBe(3);
    expect(secret.stderr).toMatch(/^forbidden: /);
    expect((await cli(["keys", "create"], { env })).code).toBe(2);
  });
});

describe("ringback recover", () => {
  test("shows the dead letters, sends them again, and shows how far it is", async ({ stack, receiver }) => {
    const client = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    const env = keyOf(client);
    let status = 500;
    const inbox = receiver.open(({ body }) => {
      const { challenge } = JSON.parse(body).data;
      return challenge === undefined ? { status } : { body: JSON.stringify({ challenge }) };
    });
    const body = { url: inbox.url, events: ["task.succeeded"], retrySchedule: [] };
    const { id } = JSON.parse((await client.send("POST", "/v1/endpoints", { body })).text);
    await client.send("POST", `/v1/endpoints/${id}/verify`);
    expect((await cli(["recover", id], { env })).stdout).toBe("No dead letter.\n");
    const task = await client.submit({ type: "diagnostics.echo", input: 1 });
    expect(await client.settled(task.id)).toMatchObject({ status: "dead" });
    const dry = await cli(["recover", id, "--dry-run", "--json"], { env });
    expect(documentOf(dry)).toMatchObject({ dryRun: true, count: 1, deliveries: [{ taskId: task.id }] });
    status = 200;
    const { code, stdout, stderr } = await cli(["recover", id], { env });
    expect(code).toBe(0);
    expect(stdout).toBe("1 deliveries are being sent again, 10 per second.\n");
    expect(stderr).toContain("100 % 1 of 1");
    expect(await client.settled(task.id)).toMatchObject({ status: "delivered" });
  });
});

describe("ringback stats", () => {
  test("counts the tasks of the project, or of all of them", async ({ stack }) => {
    const client = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    const env = keyOf(client);
    await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1 });
    await client.ended(id);
    const { code, stdout } = await cli(["stats"], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^open tasks: 1 \(1 scheduled, 0 queued, 0 running, 0 waiting\)$/m);
    expect(stdout).toMatch(/^since the start +2 +1 +0 +0 +0 +0$/m);
    const json = documentOf(await cli(["stats", "--since", "2h", "--step", "1h", "--json"], { env }));
    expect(json).toMatchObject({ tasks: { open: 1 }, totals: { accepted: 2 } });
    const admin = { RINGBACK_URL: client.url, RINGBACK_ADMIN_TOKEN: stack.gateway.adminToken };
    const all = documentOf(await cli(["stats", "--all", "--json"], { env: { ...env, ...admin } }));
    expect((all["totals"] as { accepted: number }).accepted).toBeGreaterThanOrEqual(2);
    expect((await cli(["stats"], { env: admin })).code).toBe(0);
  });
});

describe("an error", () => {
  test("of the call is the exit code 2, and says what to type", async ({ client }) => {
    const env = keyOf(client);
    for (const [args, message] of [
      [["nope"], "unknown command"],
      [["submit"], "missing required argument 'type'"],
      [["submit", "a", "1", "--nope"], "unknown option '--nope'"],
      [["submit", "a", "{a: 1}"], "is not JSON"],
      [["submit", "a", "@/no/such/file"], "/no/such/file cannot be read"],
      [["api", "GET", "v1/tasks"], "the path must begin with /"],
      [["api", "GET", "/v1/tasks", "{}"], "GET takes no body"],
      [["listen", "--status", "99"], "--status must be"],
      [["listen", "--port", "x"], "--port must be"],
      [["stats", "--all", "--project", "p"], "exclude each other"],
      [["get", "task_1", "--url", "nowhere"], "--url (or RINGBACK_URL) must be an address"],
      [["dev", "no-such-file.ts"], "there is no file no-such-file.ts"],
      [["api", "B/D", "/v1/tasks"], "is no method that can be sent"],
      [["api", "TRACE", "/v1/tasks"], "is no method that can be sent"],
      [["get", "task_1", "--key", "rb_zażółć"], "the key must be printable ASCII"],
      [["submit", "a", "1", "--idempotency-key", "ż"], "--idempotency-key must be printable ASCII"],
    ] as const) {
      const { code, stdout, stderr } = await cli(args, { env });
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: "" });
      expect(stderr).toContain(message);
    }
    const { code, stderr } = await cli(["get", "task_1"]);
    expect(code).toBe(2);
    expect(stderr).toContain("set RINGBACK_API_KEY");
  });

  test("of the call is one line of JSON with --json", async () => {
    for (const [args, detail] of [
      [["nope", "--json"], "unknown command 'nope'"],
      [["submit", "--json"], "missing required argument 'type'"],
      [["--json"], "a command is missing"],
      [["get", "task_1", "--json"], "no API key"],
    ] as const) {
      const { code, stdout, stderr } = await cli(args);
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: "" });
      expect(JSON.parse(stderr)).toEqual({ code: "usage", detail: expect.stringContaining(detail) });
    }
  });

  test("of the gateway is the exit code 3, with the faults and the request", async ({ client }) => {
    const env = keyOf(client);
    const invalid = await cli(["submit", "links.check", '{"urls": 1}'], { env });
    expect({ code: invalid.code, stdout: invalid.stdout }).toEqual({ code: 3, stdout: "" });
    expect(invalid.stderr).toMatch(/^invalid-request: /);
    expect(invalid.stderr).toMatch(/^ {2}#\/input\/urls /m);
    expect(invalid.stderr).toMatch(/^request \S+$/m);
    const json = await cli(["submit", "links.check", '{"urls": 1}', "--json"], { env });
    expect(json.stdout).toBe("");
    expect(JSON.parse(json.stderr)).toMatchObject({
      code: "invalid-request",
      status: 422,
      errors: [{ pointer: "#/input/urls" }],
    });
    const unknown = await cli(["submit", "no.such", FAILING, "--key", "rb_wrong"], { env });
    expect(unknown.code).toBe(3);
    expect(unknown.stderr).toContain("ringback keys create");
  });

  test("of the connection is the exit code 4", async ({ client }) => {
    const env = keyOf(client);
    const { code, stderr } = await cli(["get", "task_1", "--url", `http://127.0.0.1:${await freePort()}`], {
      env,
    });
    expect(code).toBe(4);
    expect(stderr).toMatch(/^unreachable: .*\n".*ringback dev" starts a gateway here/);
  });
});

describe("the credentials", () => {
  test("an option wins over a variable, and the API key over the admin token", async ({ client, stack }) => {
    const { adminToken } = stack.gateway;
    const { url } = client;
    const { RINGBACK_API_KEY: key = "" } = keyOf(client);
    const list = async (env: Record<string, string>, ...args: string[]) =>
      (await cli(["api", "GET", "/v1/tasks?limit=1", ...args], { env })).code;
    expect(await list({ RINGBACK_URL: url, RINGBACK_API_KEY: key, RINGBACK_ADMIN_TOKEN: "wrong" })).toBe(0);
    expect(await list({ RINGBACK_URL: url, RINGBACK_API_KEY: "rb_wrong" }, "--key", key)).toBe(0);
    expect(await list({ RINGBACK_URL: "http://127.0.0.1:1", RINGBACK_API_KEY: key }, "--url", url)).toBe(0);
    const doctor = await cli(["doctor", "--json"], {
      env: { RINGBACK_URL: url, RINGBACK_API_KEY: key, RINGBACK_ADMIN_TOKEN: adminToken },
    });
    expect(documentOf(doctor)).toMatchObject({ checks: expect.any(Array) });
    expect(doctor.code).toBe(documentOf(doctor)["ok"] ? 0 : 1);
    const refused = await cli(["doctor"], { env: { RINGBACK_URL: url, RINGBACK_API_KEY: key } });
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("RINGBACK_ADMIN_TOKEN");
  });

  test("--project with an API key is not silently ignored", async ({ client }) => {
    const { code, stderr } = await cli(["api", "GET", "/v1/tasks?limit=1", "--project", "shop"], {
      env: keyOf(client),
    });
    expect(code).toBe(0);
    expect(stderr).toContain("--project has no effect");
  });
});
