import type { Break } from "./breaks.ts";

/** What breaks the promises about callbacks. */
export const callbackBreaks: readonly Break[] = [
  {
    name: "told-not-written",
    what: "callbacks of an end are sent, and the end is not written",
    points: ["told-not-written"],
    caughtBy: ["nothing is told before it is so"],
  },
  {
    name: "id-per-target",
    what: "each endpoint is told of an event under an id of its own",
    points: ["id-per-target"],
    caughtBy: ["an event has one id"],
  },
  {
    name: "thawed-body",
    what: "a callback's body is written anew for each attempt",
    points: ["thawed-body"],
    caughtBy: ["a body is the same on every attempt"],
  },
  {
    name: "foreign-time",
    what: "callbacks are signed for another time than they carry",
    points: ["foreign-time"],
    caughtBy: ["every callback is signed"],
  },
  {
    name: "callback-alone",
    what: "an end is told to the callback URL alone, and not to the endpoints",
    points: ["callback-alone"],
    caughtBy: ["an event that was asked for ends delivered or dead"],
  },
  {
    name: "gives-up-silently",
    what: "an attempt that failed is neither tried again nor a dead letter",
    points: ["gives-up-in-script", "gives-up-in-step"],
    caughtBy: ["no delivery is left on its way"],
  },
  {
    name: "wishful",
    what: "an attempt that nobody answered counts as delivered",
    points: ["wishful"],
    caughtBy: ["what is called delivered has arrived"],
  },
  {
    name: "told-twice",
    what: "an event gets a second delivery to its first target",
    points: ["told-twice"],
    caughtBy: ["an event is delivered once by id"],
  },
  {
    name: "wrong-project",
    what: "a gateway sends every callback to the URL that it saw first",
    points: ["wrong-project"],
    caughtBy: ["a callback reaches its own project alone"],
  },
];
