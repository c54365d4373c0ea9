import * as acceptStep from "./accept-step.ts";
import * as attemptSteps from "./attempt-steps.ts";
import * as batchSteps from "./batch-steps.ts";
import * as deliverySteps from "./delivery-steps.ts";
import type { Answer, Operation } from "./operations.ts";
import * as pauseSteps from "./pause-steps.ts";
import * as projectSteps from "./project-steps.ts";
import type { Model } from "./state.ts";
import * as taskSteps from "./task-steps.ts";

/** What an operation does to the model, and what must be answered. */
export function step(model: Model, op: Operation): Answer {
  switch (op.kind) {
    case "accept":
      return acceptStep.accept(model, op);
    case "claim":
      return taskSteps.claim(model, op);
    case "renew":
      return taskSteps.renew(model, op);
    case "report":
      return taskSteps.report(model, op);
    case "end":
      return taskSteps.end(model, op);
    case "replay":
      return taskSteps.replay(model, op);
    case "erase":
      return taskSteps.erase(model, op);
    case "published":
      return attemptSteps.published(model, op);
    case "announce":
      return attemptSteps.announce(model, op);
    case "openBatch":
      return batchSteps.openBatch(model, op);
    case "settle":
      return batchSteps.settle(model, op);
    case "complete":
      return batchSteps.complete(model, op);
    case "unpark":
      return pauseSteps.unpark(model, op);
    case "endMany":
      // Which of them completes a batch is not told here: sent twice at once, their parts mix.
      return op.ends.flatMap((end) => taskSteps.end(model, end).slice(0, 2));
    case "replayMany":
      return op.replays.flatMap((replay) => taskSteps.replay(model, replay));
    case "configure":
      return projectSteps.configure(model, op);
    case "grant":
      return projectSteps.grant(model, op);
    case "revoke":
      return projectSteps.revoke(model, op);
    case "limit":
      return projectSteps.limit(model, op);
    case "begin":
      return deliverySteps.begin(model, op);
    case "record":
      return deliverySteps.record(model, op);
    case "redeliver":
      return deliverySteps.redeliver(model, op);
    case "inspect":
      return deliverySteps.inspect(model, op);
  }
}
