import * as z from "zod";
import { endedSchema, type Message, type ToolCall } from "./conversation.ts";

/** The gateway, and the address at which it reaches this agent. */
export interface Gateway {
  readonly url: string;
  readonly key: string;
  readonly hooks: string;
}

type Ended = Extract<Message, { role: "ended" }>["task"];

const SUPPLIERS = 18;
const taskSchema = z.object({
  id: z.string(),
  status: z.string(),
  progress: z.object({ message: z.string().optional() }).optional(),
});

/**
 * Uses a tool, and gives its answer to the model. A tool that starts work of minutes answers at once with the task: its
 * result comes later, as a callback.
 *
 * @param started the tasks that tools of the conversation have started
 */
export async function useTool(
  gateway: Gateway,
  conversation: string,
  call: ToolCall,
  started: readonly string[],
): Promise<unknown> {
  switch (call.tool) {
    case "collect_offers":
      return await submitTask(gateway, conversation, call);
    case "look_at_task":
      return await lookAtTask(gateway, started.at(-1));
    default:
      return { error: `There is no tool ${call.tool}.` };
  }
}

async function submitTask(gateway: Gateway, conversation: string, { id, input }: ToolCall): Promise<unknown> {
  const { article } = z.object({ article: z.string() }).parse(input);
  const response = await call(gateway, "/v1/tasks", {
    method: "POST",
    // The id of the call: an agent that is killed here repeats the call after its restart, and there is one task.
    headers: { "idempotency-key": id },
    body: JSON.stringify({
      type: "offers.collect",
      input: { article, suppliers: SUPPLIERS },
      callbackUrl: gateway.hooks,
      callbackEvents: ["task.progress", "task.succeeded", "task.failed", "task.canceled", "task.expired"],
      metadata: { conversation },
    }),
  });
  if (response.status !== 202) return { error: `The work was not accepted (${response.status}).` };
  return { task: taskSchema.parse(await response.json()).id, article, suppliers: SUPPLIERS };
}

/** Reads the newest task that a tool of the conversation has started. */
async function lookAtTask(gateway: Gateway, id: string | undefined): Promise<unknown> {
  if (id === undefined) return { status: "idle", message: "There is no work under way" };
  const response = await call(gateway, `/v1/tasks/${id}`, {});
  if (!response.ok) return { error: `The gateway answered ${response.status}.` };
  const task = taskSchema.parse(await response.json());
  return { status: task.status, message: task.progress?.message ?? "The work has not begun" };
}

/** Reads a task; undefined while it has not ended. */
export async function readEnd(gateway: Gateway, id: string): Promise<Ended | undefined> {
  const response = await call(gateway, `/v1/tasks/${id}`, {});
  if (response.status === 404) return { id, run: 0, status: "gone", result: undefined };
  if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
  const task = z.looseObject({ done: z.boolean() }).parse(await response.json());
  return task.done ? endedSchema.parse(task) : undefined;
}

function call({ url, key }: Gateway, path: string, init: RequestInit): Promise<Response> {
  return fetch(url + path, {
    ...init,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...init.headers },
    signal: AbortSignal.timeout(15_000),
  });
}
