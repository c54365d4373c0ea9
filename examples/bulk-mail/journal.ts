import { readFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** What was heard of a message last. `sending` without an end: the mail server may or may not have taken it. */
export type Fate = "sending" | "sent" | "refused";

interface Entry {
  readonly fate: Fate;
  /** How often it was handed to the mail server. */
  readonly sendings: number;
  /** What the mail server said at the end. */
  readonly response: string;
}

/** What was sent, in a file that survives a SIGKILL and a loss of power: a line is on the disk before it is believed. */
export class Journal {
  readonly #file: FileHandle;
  readonly #entries = new Map<string, Entry>();
  #waiting: { readonly line: string; done(): void; failed(error: unknown): void }[] = [];
  #writing = false;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<Journal> {
    const file = await open(path, "a");
    const journal = new Journal(file);
    const text = readFileSync(path, "utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    for (const line of whole.split("\n")) journal.#take(line);
    if (whole.length < text.length) await file.truncate(Buffer.byteLength(whole)); // the line that the crash cut off
    return journal;
  }

  of(messageId: string): Entry | undefined {
    return this.#entries.get(messageId);
  }

  /** Resolves once the line is on the disk. Lines that come meanwhile share the next write. */
  async note(fate: Fate, messageId: string, response = ""): Promise<void> {
    const line = `${fate} ${messageId} ${JSON.stringify(response)}`;
    await new Promise<void>((done, failed) => {
      this.#waiting.push({ line, done, failed });
      void this.#write();
    });
    this.#take(line);
  }

  async #write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#file.appendFile(`${group.map(({ line }) => line).join("\n")}\n`);
        await this.#file.datasync();
        for (const { done } of group) done();
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    this.#writing = false;
  }

  #take(line: string): void {
    const [, fate, messageId, response] = /^(sending|sent|refused) (\S+) (".*")$/.exec(line) ?? [];
    if (!messageId || !response || !isFate(fate)) return;
    const sendings = (this.#entries.get(messageId)?.sendings ?? 0) + (fate === "sending" ? 1 : 0);
    this.#entries.set(messageId, { fate, sendings, response: String(JSON.parse(response)) });
  }
}

function isFate(text: string | undefined): text is Fate {
  return text === "sending" || text === "sent" || text === "refused";
}
