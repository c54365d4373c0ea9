import type { Comparison, Results } from "./results.ts";

const WIDTH = 720;
const LEFT = 220;
const RIGHT = 90;
const ROW = 22;
const GAP = 34;

/** The CPU time per accept and per task of each contender as bars: an SVG that fits light and dark pages. */
export function pictureOf({ accept, tasks, measuredOn, plan }: Results): string {
  const groups = [
    { title: "CPU per accept, µs", rows: withoutNoise(accept) },
    { title: "CPU per task, µs", rows: withoutNoise(tasks) },
  ];
  const parts: string[] = [];
  let y = 24;
  for (const { title, rows } of groups) {
    parts.push(text(0, y, title, "title"));
    y += 12;
    const most = Math.max(...rows.map(({ cpu }) => cpu.own));
    for (const { runtime, contender, cpu } of rows) {
      const width = ((WIDTH - LEFT - RIGHT) * cpu.own) / most;
      const kind = contender.startsWith("Ringback") ? "ours" : "other";
      parts.push(
        text(LEFT - 8, y + 14, `${contender}, ${runtime}`, "name"),
        `<rect class="${kind}" x="${LEFT}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 6}" rx="2"/>`,
        text(LEFT + width + 6, y + 14, cpu.own.toFixed(0), "value"),
      );
      y += ROW;
    }
    y += GAP;
  }
  parts.push(text(0, y - 8, `${measuredOn}; ${plan}`, "note"));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="CPU per accept and per task">
<style>
text { font: 13px system-ui, sans-serif; fill: #57606a; }
.title { font-weight: 600; }
.name { text-anchor: end; }
.note { font-size: 11px; }
.ours { fill: #2f6feb; }
.other { fill: #afb8c1; }
@media (prefers-color-scheme: dark) { text { fill: #9198a1; } .other { fill: #4d555e; } }
</style>
${parts.join("\n")}
</svg>
`;
}

function withoutNoise(rows: readonly Comparison[]): readonly Comparison[] {
  return rows.filter(({ contender }) => !contender.includes("A/A"));
}

function text(x: number, y: number, content: string, kind: string): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text class="${kind}" x="${x.toFixed(1)}" y="${y}">${escaped}</text>`;
}
