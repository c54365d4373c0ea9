import type { Break } from "./breaks.ts";

/** Breaks of the promises about callbacks. */
export const callbackBreaks: readonly Break[] = [
  {
    name: "told-not-written",
    what: "callbacks of an end are sent, and the end is not written",
    points: ["told-not-written"],
    caughtBy: ["no callback is sent before its state change is committed"],
  },
  {
    name: "id-per-target",
    what: "each endpoint gets an event under an id of its own",
    points: ["id-per-target"],
    caughtBy: ["an event has one id"],
  },
  {
    name: "thawed-body",
    what: "a callback's body is made again for each attempt",
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
    what: "an end goes to the callback URL alone, and not to the endpoints",
    points: ["callback-alone"],
    caughtBy: ["an event that was asked for ends delivered or dead"],
  },
  {
    name: "gives-up-silently",
    what: "a failed attempt is neither repeated nor a dead letter",
    points: ["gives-up-in-script", "gives-up-in-step"],
    caughtBy: ["no delivery is left on its way"],
  },
  {
    name: "wishful",
    what: "an attempt without an answer counts as delivered",
    points: ["wishful"],
    caughtBy: ["a delivered callback has arrived"],
  },
  {
    name: "delivered-twice",
    what: "an event gets a second delivery to its first target",
    points: ["delivered-twice"],
    caughtBy: ["an event is delivered once by id"],
  },
  {
    name: "wrong-project",
    what: "a gateway sends every callback to the URL that it saw first",
    points: ["wrong-project"],
    caughtBy: ["a callback reaches its own project alone"],
  },
];
