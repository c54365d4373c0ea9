import * as attemptSteps from "./attempt-steps.ts";
import * as deliverySteps from "./delivery-steps.ts";
import type { Answer, Operation } from "./operations.ts";
import * as projectSteps from "./project-steps.ts";
import type { Model } from "./state.ts";
import * as taskSteps from "./task-steps.ts";

/** What an operation does to the model, and what must be answered. */
export function step(model: Model, op: Operation): Answer {
  switch (op.kind) {
    case "accept":
      return taskSteps.accept(model, op);
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
