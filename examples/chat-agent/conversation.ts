import { appendFileSync, existsSync, readFileSync } from "node:fs";
import * as z from "zod";

const callSchema = z.object({ id: z.string(), tool: z.string(), input: z.record(z.string(), z.unknown()) });
const messageSchema = z.discriminatedUnion("role", [
  z.object({ role: z.literal("user"), text: z.string() }),
  z.object({ role: z.literal("assistant"), text: z.string() }),
  /** The model wants a tool to be used. */
  z.object({ role: z.literal("call"), call: callSchema }),
  /** The tool's answer. */
  z.object({ role: z.literal("tool"), call: z.string(), answer: z.unknown() }),
  /** A task of a tool has ended: its callback has arrived. `event` is the callback's id. */
  z.object({
    role: z.literal("ended"),
    event: z.string(),
    task: z.object({
      id: z.string(),
      status: z.string(),
      result: z.unknown(),
      error: z.object({ message: z.string() }).optional(),
    }),
  }),
]);

export type ToolCall = z.output<typeof callSchema>;
export type Message = z.output<typeof messageSchema>;

const lineSchema = z.object({ conversation: z.string(), message: messageSchema });

/**
 * All conversations, in a file with a line for each message. An agent that is killed finds them again, so a callback that
 * arrives after the restart has its conversation. Use your database instead.
 */
export class Conversations {
  readonly #file: string;
  readonly #messages = new Map<string, Message[]>();

  constructor(file: string) {
    this.#file = file;
    if (!existsSync(file)) return;
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1); // what follows the last end of a line was cut off
    for (const line of lines) {
      const { conversation, message } = lineSchema.parse(JSON.parse(line));
      this.#of(conversation).push(message);
    }
  }

  ids(): readonly string[] {
    return [...this.#messages.keys()];
  }

  messages(id: string): readonly Message[] {
    return this.#messages.get(id) ?? [];
  }

  /** Keeps a message. The event of a callback is kept once, however often the callback arrives. */
  add(id: string, message: Message): boolean {
    const isKnown = (one: Message): boolean =>
      one.role === "ended" && message.role === "ended" && one.event === message.event;
    const messages = this.#of(id);
    if (messages.some(isKnown)) return false;
    appendFileSync(this.#file, `${JSON.stringify({ conversation: id, message })}\n`);
    messages.push(message);
    return true;
  }

  #of(id: string): Message[] {
    const messages = this.#messages.get(id) ?? [];
    this.#messages.set(id, messages);
    return messages;
  }
}
