import process from "node:process";

const WIDTH = 24;

/** A progress bar, in one line of a terminal; where there is none, a line per change. */
export interface Bar {
  /** @param percent 0 to 100; undefined where it is not known */
  show(percent: number | undefined, text: string): void;
  /** Writes a line above the bar. */
  say(line: string): void;
  /** Leaves the bar as it is now. */
  end(): void;
}

/** On the stream of messages, so that the outcome stays alone on its own. */
export function createBar(stream: NodeJS.WriteStream = process.stderr): Bar {
  let shown = "";
  const draw = (line: string): void => {
    stream.write(stream.isTTY ? `\r\u001b[K${line.slice(0, Math.max(20, stream.columns - 1))}` : `${line}\n`);
  };
  return {
    show(percent, text) {
      const line = lineOf(percent, text);
      if (line === shown) return;
      shown = line;
      draw(line);
    },
    say(line) {
      stream.write(stream.isTTY ? `\r\u001b[K${line}\n` : `${line}\n`);
      if (stream.isTTY && shown) draw(shown);
    },
    end() {
      if (stream.isTTY && shown) stream.write("\n");
      shown = "";
    },
  };
}

function lineOf(percent: number | undefined, text: string): string {
  if (percent === undefined) return text;
  const whole = Math.floor(Math.min(100, Math.max(0, percent)));
  const full = Math.round((whole / 100) * WIDTH);
  return `[${"█".repeat(full)}${"░".repeat(WIDTH - full)}] ${`${whole}`.padStart(3)} % ${text}`.trimEnd();
}
