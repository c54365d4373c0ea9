import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";

/* Makes a clip of a minute, or of CLIP_SECONDS, with ffmpeg's test picture, and serves it for trying it. */

const port = Number(process.env["PORT"] ?? 3000);
const file = join(process.env["FILES"] ?? ".", "clip.mp4");
const seconds = Number(process.env["CLIP_SECONDS"] ?? 60);

const picture = `testsrc=duration=${seconds}:size=854x480:rate=25`;
const codec = ["-c:v", "libx264", "-preset", "ultrafast", "-y", file];
await promisify(execFile)("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", picture, ...codec]);
const { size } = await stat(file);

const server = createServer((request, response) => {
  if (request.url !== "/clip.mp4") return response.writeHead(404).end();
  response.writeHead(200, { "content-type": "video/mp4", "content-length": size });
  return void pipeline(createReadStream(file), response).catch((error: Error) =>
    console.error(error.message),
  );
});
server.listen(port, "127.0.0.1", () => console.log(`clip on http://127.0.0.1:${port}/clip.mp4`));
