import { describe, expect } from "vitest";
import { cli, keyOf, startCli } from "../support/cli.ts";
import { eventually, newProject } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { freePort, type Running } from "../support/process.ts";

interface Report {
  readonly signature: string;
  readonly type?: string;
  readonly taskId?: string;
  readonly answered: number;
  readonly attempt?: number;
  readonly next: string;
  readonly nextAttemptAt?: string;
}

/** Runs `listen --json` for a test, and gives the reports of its callbacks. */
async function listening(args: readonly string[], env: Readonly<Record<string, string>>) {
  const port = await freePort();
  const { running } = await startCli(
    ["listen", "--port", `${port}`, "--json", ...args],
    /^\{"listening":/m,
    env,
  );
  const reports = (): Report[] =>
    running
      .output()
      .split("\n")
      .filter((line) => line.startsWith('{"at"'))
      .map((line) => JSON.parse(line));
  return { running, reports, url: `http://127.0.0.1:${port}/hooks` };
}

/** Ends it as Ctrl-C does, which is no failure. */
async function ended(running: Running): Promise<void> {
  process.kill(running.pid, "SIGINT");
  expect(await running.ended).toBe(0);
  await running.stop();
}

describe("ringback listen", () => {
  test("verifies a callback, answers it, and says that it is delivered", async ({ client }) => {
    const { running, reports, url } = await listening([], keyOf(client));
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl: url });
    const [report] = await eventually(() => {
      expect(reports()).toHaveLength(1);
      return reports();
    });
    expect(report).toMatchObject({
      signature: "valid",
      type: "task.succeeded",
      taskId: id,
      answered: 200,
      attempt: 1,
      next: "delivered",
    });
    await ended(running);
  });

  test("--status 500 shows the next attempts, and the dead delivery", async ({ client }) => {
    const { running, reports, url } = await listening(["--status", "500"], keyOf(client));
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl: url });
    await client.settled(id, 30_000);
    await eventually(() => expect(reports()).toHaveLength(4));
    expect(reports().map(({ next }) => next)).toEqual(["retry", "retry", "retry", "dead"]);
    expect(reports().map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(Date.parse(reports()[0]?.nextAttemptAt ?? "")).toBeGreaterThan(0);
    await ended(running);
  });

  test("--forward-to passes the very bytes on, and answers as it is answered there", async ({
    client,
    receiver,
    secret,
  }) => {
    const inbox = receiver.open([{ status: 503 }, { status: 204 }]);
    const { running, reports, url } = await listening(["--forward-to", inbox.url], keyOf(client));
    const { id } = await client.submit({ type: "diagnostics.echo", input: "ż", callbackUrl: url });
    expect(await client.settled(id)).toMatchObject({ status: "delivered" });
    const { verified } = await import("../support/receiver.ts");
    expect(verified((await inbox.wait(2))[1], secret).data.result).toBe("ż");
    await eventually(() => expect(reports().map(({ answered }) => answered)).toEqual([503, 204]));
    await ended(running);
  });

  test("refuses a callback that another secret signed, and says why", async ({ client, stack }) => {
    const other = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    const { running, reports, url } = await listening(
      ["--secret", await other.signingSecret()],
      keyOf(client),
    );
    await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl: url });
    await eventually(() => expect(reports().length).toBeGreaterThan(0));
    expect(reports()[0]).toMatchObject({ signature: "bad-signature", answered: 401, next: "retry" });
    await ended(running);
  });

  test("proves the verification of an endpoint, and follows a rotation of the secret", async ({ stack }) => {
    const client = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    const { running, reports, url } = await listening([], keyOf(client));
    const made = await client.send("POST", "/v1/endpoints", { body: { url } });
    const { id } = JSON.parse(made.text);
    expect((await client.send("POST", `/v1/endpoints/${id}/verify`)).status).toBe(200);
    await client.send("DELETE", `/v1/endpoints/${id}`);
    await client.send("POST", "/v1/signing-secret/rotate", { body: { overlap: "0s" } });
    await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl: url });
    await eventually(() =>
      expect(reports().at(-1)).toMatchObject({ signature: "valid", type: "task.succeeded" }),
    );
    await ended(running);
  });

  test("for people shows the body, the verdict and the next step, and for a remote gateway the tunnel", async ({
    client,
  }) => {
    const port = await freePort();
    const env = keyOf(client);
    const { running } = await startCli(["listen", "--port", `${port}`], /--callback http/, env);
    await client.submit({
      type: "diagnostics.echo",
      input: "hello",
      callbackUrl: `http://127.0.0.1:${port}`,
    });
    await eventually(() =>
      expect(running.output()).toMatch(/signature {2}valid[\s\S]*next {7}delivered[\s\S]*"result": "hello"/),
    );
    await ended(running);
    const args = [
      "listen",
      "--secret",
      "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
      "--url",
      "https://ringback.example.com",
    ];
    const remote = await startCli(args, /cloudflared tunnel --url http:\/\/127\.0\.0\.1:\d+/, env);
    expect(remote.running.output()).toContain("cannot reach this machine");
    await ended(remote.running);
  });

  test("says which scope is missing when it may not read the secret", async ({ stack }) => {
    const writer = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`, ["tasks:write"]);
    const { code, stderr } = await cli(["listen"], { env: keyOf(writer) });
    expect(code).toBe(3);
    expect(stderr).toContain("secrets:read");
  });
});
