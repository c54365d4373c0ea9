import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import * as z from "zod";
import { node, root } from "../support/process.ts";

const summary = z.object({
  endurance: z.object({ accepted: z.number(), lost: z.number() }),
  overloads: z.array(z.object({ lost: z.number(), wrong: z.number(), withoutRetryAfter: z.number() })),
  repeated: z.number(),
});

test("a soak of half a minute and two overloads lose no task and repeat no callback", {
  timeout: 240_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "ringback-soak-"));
  try {
    const file = join(folder, "soak.json");
    const options = ["--minutes", "0.5", "--rate", "20", "--overload", "5", "--json", file];
    // Its exit code also judges growth over time, which half a minute does not show.
    await promisify(execFile)(node, ["bench/soak/main.ts", ...options], { cwd: root }).catch(() => undefined);
    const { endurance, overloads, repeated } = summary.parse(JSON.parse(await readFile(file, "utf8")));
    expect(endurance.accepted).toBeGreaterThan(300);
    expect(endurance.lost).toBe(0);
    const flawless = { lost: 0, wrong: 0, withoutRetryAfter: 0 };
    expect(overloads).toEqual([flawless, flawless]);
    expect(repeated).toBe(0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
