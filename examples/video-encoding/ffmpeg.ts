import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import * as z from "zod";

/** What a file holds. */
export interface Video {
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly durationSeconds: number;
}

const probed = z.object({
  streams: z.array(z.object({ codec_name: z.string(), width: z.number(), height: z.number() })).min(1),
  format: z.object({ duration: z.coerce.number() }),
});

/** Whole files only: a playlist that a client supplies would make ffmpeg open other files and addresses. */
const SAFE = [
  "-protocol_whitelist",
  "file",
  "-format_whitelist",
  "mov,matroska,webm,avi,mpegts,mpeg,ogg,flv",
];

/** @throws Error with ffprobe's words when this is no video, or cannot be read */
export async function probe(source: string, signal: AbortSignal): Promise<Video> {
  const entries = "stream=codec_name,width,height:format=duration";
  const args = ["-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "json"];
  const { stdout } = await promisify(execFile)("ffprobe", [...SAFE, ...args, source], { signal });
  const { streams, format } = probed.parse(JSON.parse(stdout));
  const [stream] = streams;
  if (!stream) throw new Error("There is no video stream.");
  return {
    codec: stream.codec_name,
    width: stream.width,
    height: stream.height,
    durationSeconds: format.duration,
  };
}

const CODECS = {
  // The index goes to the front, so that playing begins before all has been loaded.
  mp4: [
    "-c:v",
    "libx264",
    "-preset",
    "medium",
    "-pix_fmt",
    "yuv420p",
    "-c:a",
    "aac",
    "-movflags",
    "+faststart",
  ],
  webm: ["-c:v", "libvpx-vp9", "-crf", "32", "-b:v", "0", "-row-mt", "1", "-c:a", "libopus"],
} as const;

/**
 * Encodes a video; resolves when the file is whole.
 *
 * @param options.signal kills ffmpeg
 * @param options.onTime called four times a second with the seconds of the source that are done
 * @throws Error with ffmpeg's last words when it fails
 */
export async function encode(
  source: string,
  file: string,
  options: {
    format: keyof typeof CODECS;
    signal: AbortSignal;
    onStart(pid: number): void;
    onTime(seconds: number): void;
  },
): Promise<void> {
  const quiet = ["-nostdin", "-v", "error", "-y", "-progress", "pipe:1", "-stats_period", "0.25"];
  const child = spawn("ffmpeg", [...quiet, ...SAFE, "-i", source, ...CODECS[options.format], file], {
    signal: options.signal,
    killSignal: "SIGKILL",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (child.pid !== undefined) options.onStart(child.pid);
  let words = "";
  child.stderr.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-1_000);
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const [, microseconds] = /^out_time_us=(\d+)$/.exec(line) ?? [];
    if (Number(microseconds) > 0) options.onTime(Number(microseconds) / 1_000_000);
  });
  await new Promise<void>((done, failed) => {
    child.once("error", failed); // not to be started, or killed by the signal
    child.once("close", (code) =>
      code === 0 ? done() : failed(new Error(words.trim() || `ffmpeg: ${code}`)),
    );
  });
}
