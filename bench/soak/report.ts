import { markdown } from "../page.ts";
import type { Endurance, Spread } from "./endure.ts";
import type { Overload } from "./overload.ts";
import type { Step } from "./sustain.ts";

/** How soon after an overload 202s must come at their usual pace, in seconds. */
const RECOVERY = 10;

/** Why a run is not what it should be; empty when it is. */
export function toValidationErrors(endurance: Endurance, overloads: readonly Overload[]): readonly string[] {
  const { courses, others, lost } = endurance;
  const grown = courses
    .filter(({ isGrowing }) => isGrowing)
    .map(
      ({ name, thirds, limit = Number.NaN }) =>
        `${name} grew from ${number(thirds[1])} to ${number(thirds[2])}, past ${number(limit)}`,
    );
  const refused = Object.entries(others).map(
    ([answer, times]) => `${times} × ${answer} at a rate that it can bear`,
  );
  return [...grown, ...refused, ...lostText("at 70 %", lost), ...overloads.flatMap(faultsOfOverload)];
}

function faultsOfOverload(storm: Overload): readonly string[] {
  const { name, accepted, others, withoutRetryAfter, wrong, recovered, drained, lost } = storm;
  const where = `overload against ${name}:`;
  return [
    ...(accepted === 0 ? [`${where} nothing was accepted`] : []),
    ...(Object.keys(others).length === 0 ? [`${where} nothing was shed`] : []),
    ...(withoutRetryAfter > 0 ? [`${where} ${withoutRetryAfter} refusals without Retry-After`] : []),
    ...(wrong > 0 ? [`${where} ${wrong} answers that are neither 202, 429 nor 503`] : []),
    ...(recovered === null || recovered >= RECOVERY
      ? [`${where} recovered after ${recovered ?? "more"} s`]
      : []),
    ...(drained === null ? [`${where} accepted tasks are left`] : []),
    ...lostText(where, lost),
  ];
}

function lostText(where: string, lost: number): readonly string[] {
  return lost > 0 ? [`${where} ${lost} accepted tasks were never called back`] : [];
}

export function stepText({ rate, growth, accept, callback, refused, isSustained }: Step): string {
  return (
    `${String(rate).padStart(5)}/s: ${isSustained ? "sustained" : "too much "}; falls behind by ${growth.toFixed(1)}/s; ` +
    `202 ${spreadText(accept)}; callback ${spreadText(callback)}${refused > 0 ? `; ${refused} refused` : ""}`
  );
}

export function enduranceText(endurance: Endurance): string {
  const { rate, minutes, accepted, samples, others, lost, accept, callback, courses } = endurance;
  const rows = courses.map(({ name, unit, thirds, highest, slope, limit, isGrowing }) => [
    unit ? `${name}, ${unit}` : name,
    ...thirds.map(number),
    number(highest),
    number(slope),
    limit === undefined ? "not judged" : `${isGrowing ? "GROWS past" : "flat, below"} ${number(limit)}`,
  ]);
  const times = [
    ["202, p50 / p99 ms", ...accept.map(spreadText), "", "", ""],
    ["callback, p50 / p99 ms", ...callback.map(spreadText), "", "", ""],
  ];
  return [
    `${accepted} tasks in ${minutes} min at ${rate}/s, ${lost} lost, ${JSON.stringify(others)} in addition; ${samples} samples`,
    "",
    markdown([
      ["median of", "first third", "middle", "last third", "highest", "slope per hour", "judged"],
      ...rows,
      ...times,
    ]),
    "",
  ].join("\n");
}

export function overloadText(storm: Overload | undefined): string {
  if (!storm) return "";
  const { name, rate, seconds, accepted, others, accept, refuse, mostWaiting, recovered, drained, lost } =
    storm;
  return markdown([
    [`overload against ${name}`, `${rate}/s for ${seconds} s`],
    ["accepted", `${accepted}, 202 after ${spreadText(accept)} ms (p50 / p99)`],
    ...Object.entries(others).map(([answer, times]) => [answer, String(times)]),
    ["refused after", `${spreadText(refuse)} ms (p50 / p99)`],
    ["most tasks waiting", String(mostWaiting)],
    ["202s as usual after", recovered === null ? "not within 20 s" : `${recovered} s`],
    ["all of it ended after", drained === null ? "never" : `${drained.toFixed(1)} s`],
    ["accepted and lost", String(lost)],
  ]).concat("\n");
}

function spreadText({ p50, p99 }: Spread): string {
  return `${number(p50)} / ${number(p99)}`;
}

function number(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1);
}
