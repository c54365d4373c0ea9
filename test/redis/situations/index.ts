import { deliverySituations } from "./deliveries.ts";
import { projectSituations } from "./projects.ts";
import type { Situations } from "./stage.ts";
import { taskSituations } from "./tasks.ts";

/** For every script at least one situation in which it does all that it can. */
export const SITUATIONS: Situations = {
  ...taskSituations,
  ...deliverySituations,
  ...projectSituations,
};

/** Scripts that run on the way of another one's situation. */
export const ON_THE_WAY: Readonly<Record<string, string>> = {
  listOldDeadLetters: "listDeadLetters",
  erasing: "erasePart",
  fates: "erasePart",
  hours: "page",
  states: "openTasks",
};
