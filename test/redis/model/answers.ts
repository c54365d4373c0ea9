import type { DueAction } from "../../../src/ports/commands/sweep.ts";
import type { EndAnswer, ReplayAnswer } from "../../../src/ports/commands/task.ts";
import type { Answer } from "./operations.ts";

/* The store's answers in the words of the model. */

export function endedOf(answer: EndAnswer): Answer {
  if (answer.kind === "ended") {
    return [answer.kind, answer.sequence, ...(answer.batchDone ? ["batch done"] : [])];
  }
  return answer.kind === "already" ? [answer.kind, answer.status] : [answer.kind];
}

export function replayedOf(answer: ReplayAnswer): Answer {
  const told = answer.kind === "replayed" || answer.kind === "repeated";
  return told ? [answer.kind, answer.record.run] : [answer.kind];
}

export function answerOf(action: DueAction): Answer {
  switch (action.kind) {
    case "run":
      return [action.kind, action.run, action.attempt];
    case "deliver":
      return [action.kind, action.attempt];
    default:
      return [action.kind];
  }
}
