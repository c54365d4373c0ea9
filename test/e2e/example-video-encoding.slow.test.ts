import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { eventually } from "../support/client.ts";
import { type Example, hostExample } from "../support/example.ts";
import { freePort, node, root, start } from "../support/process.ts";

// examples/video-encoding, whole: gateway, encoder and the distribution's ffmpeg, each a process of its own.

const TOKEN = "encoder-token-of-the-test";
const run = promisify(execFile);
const jobs = z.array(z.object({ id: z.string(), pid: z.number().optional() }));
const resultShape = z.object({
  url: z.url(),
  codec: z.string(),
  width: z.number(),
  height: z.number(),
  durationSeconds: z.number(),
  bytes: z.number(),
});

let folder: string;
let example: Example;
let encoder: string;
let films: string;
const stops: (() => Promise<void>)[] = [];

/** A clip of ffmpeg's test picture, 25 frames a second. */
async function film(name: string, seconds: number, size: string): Promise<void> {
  const picture = `testsrc=duration=${seconds}:size=${size}:rate=25`;
  const codec = ["-c:v", "libx264", "-preset", "ultrafast", join(folder, name)];
  await run("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", picture, ...codec]);
}

/** Serves the folder's files, as a client's own host would. */
async function serveFilms(): Promise<string> {
  const server = createServer((request, response) => {
    readFile(join(folder, new URL(request.url ?? "/", "http://films").pathname.slice(1))).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stops.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the films have no address");
  return `http://127.0.0.1:${address.port}`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringback-video-"));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  await Promise.all([film("short.mp4", 20, "854x480"), film("long.mp4", 60, "640x360")]);
  await writeFile(join(folder, "text.mp4"), "This is no video.");
  films = await serveFilms();
  const port = `${await freePort()}`;
  encoder = `http://127.0.0.1:${port}`;
  const { running } = await start({
    command: node,
    args: [join(root, "examples/video-encoding/encoder.ts")],
    env: { PORT: port, ENCODER_TOKEN: TOKEN, FILES: join(folder, "encoded") },
    ready: /encoder on/,
  });
  stops.push(running.stop);
  example = await hostExample("video-encoding", { ENCODER_URL: encoder, ENCODER_TOKEN: TOKEN });
  stops.push(example.hosted.stop);
});
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

/** What the encoder is at. */
async function underWay(): Promise<z.infer<typeof jobs>> {
  const response = await fetch(`${encoder}/jobs`, { headers: { authorization: `Bearer ${TOKEN}` } });
  return jobs.parse(await response.json());
}

/** Whether a process is there. */
function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

describe("a video", () => {
  test("is encoded while the task waits, and its progress is seen", async () => {
    const { client } = example;
    const { id } = await client.submit({ type: "video.encode", input: { url: `${films}/short.mp4` } });
    const percents = new Set<number>();
    const task = await eventually(
      async () => {
        const now = await client.task(id);
        if (now.status === "waiting" && now.progress?.percent) percents.add(now.progress.percent);
        if (!now.done) throw new Error(`${id} is still ${now.status}`);
        return now;
      },
      { timeoutMs: 50_000, everyMs: 100 },
    );
    expect(task).toMatchObject({ status: "succeeded", attempt: 1 });
    expect([...percents].some((percent) => percent > 0 && percent < 100)).toBe(true);

    const result = resultShape.parse(task.result);
    const file = join(folder, "fetched.mp4");
    const response = await fetch(result.url);
    expect(response.headers.get("content-type")).toBe("video/mp4");
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes.length).toBe(result.bytes);
    await writeFile(file, bytes);
    const shown = "stream=codec_name,width,height,nb_read_frames:format=duration,format_name";
    const { stdout } = await run("ffprobe", [
      "-v",
      "error",
      "-count_frames",
      "-show_entries",
      shown,
      "-of",
      "json",
      file,
    ]);
    const probed = JSON.parse(stdout);
    expect(probed.streams).toEqual([{ codec_name: "h264", width: 854, height: 480, nb_read_frames: "500" }]);
    expect(probed.format.format_name).toContain("mp4");
    expect(Number(probed.format.duration)).toBeCloseTo(20, 1);
    expect(result).toMatchObject({ codec: "h264", width: 854, height: 480, durationSeconds: 20 });
  });

  test("whose task is canceled is encoded no further", async () => {
    const { client } = example;
    const input = { url: `${films}/long.mp4`, format: "webm" };
    const { id } = await client.submit({ type: "video.encode", input });
    await eventually(
      async () => {
        const { status, progress } = await client.task(id);
        expect(status).toBe("waiting");
        expect(progress?.percent).toBeGreaterThan(0);
      },
      { timeoutMs: 40_000, everyMs: 200 },
    );
    const pid = (await underWay()).find((job) => job.id === `${id}.1.1`)?.pid;
    if (!pid) throw new Error("ffmpeg has not begun");
    expect(lives(pid)).toBe(true);
    expect((await client.send("POST", `/v1/tasks/${id}/cancel`)).status).toBe(200);
    await eventually(() => expect(lives(pid)).toBe(false), { timeoutMs: 10_000 });
    await eventually(async () => expect((await underWay()).map((job) => job.id)).not.toContain(`${id}.1.1`));
    const encoded = await readdir(join(folder, "encoded"));
    expect(encoded.filter((name) => name.includes(".webm"))).toEqual([]);
    expect((await client.task(id)).status).toBe("canceled");
  });

  test("that is none fails the task for good", async () => {
    const { client } = example;
    const { id } = await client.submit({ type: "video.encode", input: { url: `${films}/text.mp4` } });
    expect(await client.ended(id, 30_000)).toMatchObject({
      status: "failed",
      attempt: 1,
      error: {
        code: "encoding-failed",
        message: "The video could not be read or encoded.",
        retryable: false,
      },
    });
  });
});
