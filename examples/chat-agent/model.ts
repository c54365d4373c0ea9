import * as z from "zod";
import type { Message } from "./conversation.ts";

/** What a model decides to do next: say something, or use a tool. */
export type Decision =
  | { readonly kind: "say"; readonly text: string }
  | { readonly kind: "use"; readonly tool: string; readonly input: Readonly<Record<string, unknown>> };

const submitted = z.object({ task: z.string(), article: z.string(), suppliers: z.number() });
const looked = z.object({ status: z.string(), message: z.string() });
const compared = z.object({
  article: z.string(),
  asked: z.number(),
  best: z.array(z.object({ supplier: z.string(), price: z.number(), days: z.number() })).min(1),
});

/**
 * Stands for a language model: it follows a script, so that the example needs no key and always says the same. Put the
 * call of your model here; messages and tools are as in every model's API.
 */
export function decide(messages: readonly Message[]): Decision {
  const last = messages.at(-1);
  switch (last?.role) {
    case "user":
      return onRequest(last.text);
    case "tool":
      return { kind: "say", text: onAnswer(last.answer) };
    case "ended":
      return { kind: "say", text: onEnd(last.task) };
    case "call":
    case "assistant":
    case undefined:
      throw new Error("there is nothing to decide");
  }
}

function onRequest(text: string): Decision {
  const [, article] = /(?:price|offer)s? for (?:an? )?(.+?)[.?!]*$/i.exec(text) ?? [];
  if (article !== undefined) return { kind: "use", tool: "collect_offers", input: { article } };
  if (/how far|progress|ready|status/i.test(text)) return { kind: "use", tool: "look_at_task", input: {} };
  return { kind: "say", text: "I compare offers. Ask me for the best price for something." };
}

function onAnswer(answer: unknown): string {
  const work = submitted.safeParse(answer);
  if (work.success) {
    const { article, suppliers } = work.data;
    return `I have asked ${suppliers} suppliers for ${article}. This takes about three minutes. I will come back here with the result; you can write to me meanwhile.`;
  }
  const state = looked.safeParse(answer);
  return state.success
    ? `${state.data.message} (${state.data.status}).`
    : "I could not do that. Please ask again.";
}

function onEnd({ status, result, error }: Extract<Message, { role: "ended" }>["task"]): string {
  const found = compared.safeParse(result);
  if (!found.success)
    return `I have no offers for you: the work has ${status}. ${error?.message ?? ""}`.trim();
  const { article, asked, best } = found.data;
  const lines = best.map(
    ({ supplier, price, days }) => `${supplier}: ${(price / 100).toFixed(2)} EUR, ${days} days`,
  );
  return `${asked} suppliers have answered. The best offers for ${article}:\n${lines.join("\n")}`;
}
