import { appendFileSync, existsSync, readFileSync } from "node:fs";
import * as z from "zod";

const callSchema = z.object({ id: z.string(), tool: z.string(), input: z.record(z.string(), z.unknown()) });
/** A task that has ended, as a callback and a read of the task have it. */
export const endedSchema = z.object({
  id: z.string(),
  run: z.int(),
  status: z.string(),
  result: z.unknown(),
  error: z.object({ message: z.string() }).optional(),
});

const messageSchema = z.discriminatedUnion("role", [
  z.object({ role: z.literal("user"), text: z.string() }),
  z.object({ role: z.literal("assistant"), text: z.string() }),
  /** The model wants a tool to be used. */
  z.object({ role: z.literal("call"), call: callSchema }),
  /** The tool's answer. */
  z.object({ role: z.literal("tool"), call: z.string(), answer: z.unknown() }),
  /** A task of a tool has ended. */
  z.object({ role: z.literal("ended"), task: endedSchema }),
]);

export type ToolCall = z.output<typeof callSchema>;
export type Message = z.output<typeof messageSchema>;

/** The answer of a tool that has started a task. */
const startedSchema = z.object({ task: z.string() });
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

  /** The tasks that tools of the conversation have started, oldest first. */
  started(id: string): readonly string[] {
    return this.messages(id).flatMap((one) => {
      const answer = one.role === "tool" ? startedSchema.safeParse(one.answer) : undefined;
      return answer?.success ? [answer.data.task] : [];
    });
  }

  /** Whether a task of the conversation has ended. */
  hasEnded(id: string, task: string): boolean {
    return this.messages(id).some((one) => one.role === "ended" && one.task.id === task);
  }

  /** Keeps a message. The end of a run is kept once, however often its callback arrives, and if it was read before. */
  add(id: string, message: Message): boolean {
    const isKnown = (one: Message): boolean =>
      one.role === "ended" &&
      message.role === "ended" &&
      one.task.id === message.task.id &&
      one.task.run === message.task.run;
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
