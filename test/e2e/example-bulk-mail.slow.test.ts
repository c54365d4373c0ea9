import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { eventually } from "../support/client.ts";
import { type Example, hostExample } from "../support/example.ts";
import { freePort, node, type Running, root, start } from "../support/process.ts";

// examples/bulk-mail, whole: gateway, mailer and a mail server, each a process of its own.

const TOKEN = "mailer-token-of-the-test";
const letters = z.array(z.object({ messageId: z.string(), to: z.string(), text: z.string() }));
const stops: (() => Promise<void>)[] = [];

interface Post {
  readonly example: Example;
  /** Every letter that the mail server has answered with 250, in order. */
  letters(): Promise<z.infer<typeof letters>>;
  killMailer(): Promise<void>;
  startMailer(): Promise<void>;
  /** The journal as it is on the disk. */
  journal(): Promise<string>;
}

async function openPost(): Promise<Post> {
  const folder = await mkdtemp(join(tmpdir(), "ringback-mail-"));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  const run = async (script: string, env: Record<string, string>, ready: RegExp) => {
    const program = { command: node, args: [join(root, "examples/bulk-mail", script)], env, ready };
    const { running, match } = await start(program);
    stops.push(running.stop);
    return { running, match };
  };
  const ports = { SMTP_PORT: "0", HTTP_PORT: "0", DELAY: "10" };
  const { match } = await run("mailbox.ts", ports, /mailbox (smtp:\S+) (http:\S+)/);
  const [, smtp = "", mailbox = ""] = match;
  const journal = join(folder, "mail.journal");
  const port = `${await freePort()}`;
  const env = {
    PORT: port,
    SMTP_URL: smtp,
    MAIL_FROM: "news@shop.example",
    MAILER_TOKEN: TOKEN,
    JOURNAL: journal,
  };
  const startMailer = async () => (await run("mailer.ts", env, /mailer on/)).running;
  let mailer: Running = await startMailer();
  const example = await hostExample("bulk-mail", {
    MAILER_URL: `http://127.0.0.1:${port}`,
    MAILER_TOKEN: TOKEN,
  });
  stops.push(example.hosted.stop);
  return {
    example,
    letters: async () => letters.parse(await (await fetch(mailbox)).json()),
    killMailer: () => mailer.kill(),
    startMailer: async () => {
      mailer = await startMailer();
    },
    journal: () => readFile(journal, "utf8"),
  };
}

let post: Post;
beforeAll(async () => {
  post = await openPost();
});
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

const addresses = (count: number, name: string) =>
  Array.from({ length: count }, (_, index) => ({
    address: `${name}${index}@example.com`,
    name: `N. ${index}`,
  }));

describe("a mail to a thousand", () => {
  test("whose mailer is killed in the middle reaches each recipient under one Message-ID", async () => {
    const recipients = addresses(1_000, "reader");
    const { client } = post.example;
    const { id } = await client.submit({
      type: "mail.send",
      input: { subject: "News", text: "Dear {name}, it is here.", recipients },
    });
    const seen = new Set<string>();
    const watch = async (done: (count: number) => boolean) =>
      await eventually(
        async () => {
          const { progress } = await client.task(id);
          if (progress?.message) seen.add(progress.message);
          const { length } = (await post.letters()).filter(({ to }) => to.startsWith("reader"));
          if (!done(length)) throw new Error(`${length} letters`);
        },
        { timeoutMs: 40_000, everyMs: 20 },
      );

    await watch((count) => count >= 300);
    await post.killMailer();
    const journal = await post.journal();
    const before = (await post.letters()).length;
    expect(before).toBeLessThan(900);
    await post.startMailer();
    await watch((count) => count >= 1_000);

    const task = await client.ended(id, 40_000);
    expect(task).toMatchObject({
      status: "succeeded",
      progress: { percent: 100, message: "1000 of 1000" },
      result: { accepted: 1_000, refused: [] },
    });
    expect(task.attempt).toBeGreaterThan(1);
    expect([...seen].some((message) => /^[1-9]\d{0,2} of 1000$/.test(message))).toBe(true);

    const mail = (await post.letters()).filter(({ to }) => to.startsWith("reader"));
    const byId = Map.groupBy(mail, ({ messageId }) => messageId);
    expect(byId.size).toBe(1_000);
    expect(new Set(mail.map(({ to }) => to)).size).toBe(1_000);
    for (const copies of byId.values()) expect(new Set(copies.map(({ to }) => to)).size).toBe(1);
    // What SMTP cannot promise is no more than this: a copy of what was in doubt when the mailer died.
    for (const [messageId, copies] of byId) {
      if (copies.length === 1) continue;
      expect(copies).toHaveLength(2);
      expect(journal).toContain(`sending ${messageId} `);
      expect(journal).not.toContain(`sent ${messageId} `);
    }
    expect(mail.find(({ to }) => to === "reader7@example.com")?.text).toContain("Dear N. 7, it is here.");
  });
});

describe("the result", () => {
  test("names whom the mail server refuses; that fails no task", async () => {
    const { client } = post.example;
    const recipients = [...addresses(2, "friend"), { address: "refuse@example.com" }];
    const { id } = await client.submit({
      type: "mail.send",
      input: { subject: "Hi", text: "Hi", recipients },
    });
    expect(await client.ended(id)).toMatchObject({
      status: "succeeded",
      attempt: 1,
      result: {
        accepted: 2,
        repeated: 0,
        refused: [{ address: "refuse@example.com", response: expect.stringMatching(/^550 /) }],
      },
    });
  });

  test("counts an address once that the list has twice", async () => {
    const { client } = post.example;
    const twin = { address: "twin@example.com" };
    const recipients = [twin, ...addresses(60, "other"), twin];
    const { id } = await client.submit({
      type: "mail.send",
      input: { subject: "Hi", text: "Hi", recipients },
    });
    expect((await client.ended(id)).result).toEqual({ accepted: 61, repeated: 0, refused: [] });
    expect((await post.letters()).filter(({ to }) => to === "twin@example.com")).toHaveLength(1);
  });
});
