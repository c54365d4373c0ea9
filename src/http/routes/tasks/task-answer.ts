import type { Context } from "hono";
import type { RequestContext } from "../../../ports/dependencies.ts";
import { field, opt } from "../../../shared/schema/schema.ts";
import { text } from "../../../shared/schema/schema-fields.ts";
import type { DeliveryRecord, TaskRecord } from "../../../tasks/record.ts";
import { isTerminal } from "../../../tasks/status.ts";
import { retryAfter, taskView } from "../../../tasks/view.ts";
import { nextLink } from "../../pipeline/headers.ts";

/** For a conditional read. */
export const UNCHANGED = "Nothing has changed since the `ETag` that was sent.";

/** Links from an answered task to the next requests about it. */
export const ABOUT_TASK = [
  "getTask",
  "getTaskOperation",
  "getTaskResult",
  "listTaskEvents",
  "cancelTask",
] as const;

/** The query parameter of a browser token. */
export const token = field(opt(text(1, 1_000)), "A token of `createBrowserToken`, in place of an API key.");

/** The `Link` to the next page, when there is one. */
export function linkTo(
  c: Context,
  { settings }: Pick<RequestContext, "settings">,
  nextCursor: string | undefined,
): { readonly Link?: string } {
  return nextCursor === undefined ? {} : { Link: nextLink(settings.publicUrl, c.req.url, nextCursor) };
}

/** The addresses of an accepted task: what to read next, what to poll, and the task in the body. */
export function addressesOf(
  { settings }: RequestContext,
  { record }: Found,
  next: "" | "/result" | "/result?raw" = "",
) {
  const self = `${settings.publicUrl}/v1/tasks/${record.id}`;
  return {
    Location: self + next,
    "Operation-Location": `${self}/operation`,
    "Content-Location": self,
  };
}

export interface Found {
  readonly record: TaskRecord;
  readonly now: number;
  readonly delivery?: DeliveryRecord;
}

/** The task object of what was found. */
export function view({ settings }: RequestContext, { record, now, delivery }: Found, input = false) {
  return taskView(record, {
    publicUrl: settings.publicUrl,
    now,
    include: { input },
    ...(delivery && { delivery }),
  });
}

/** The time of the next sensible read, while the task is not done. */
export function waiting(
  { runTimes }: RequestContext,
  { record, now }: Found,
): { readonly "Retry-After"?: string } {
  if (isTerminal(record.status)) return {};
  return { "Retry-After": `${retryAfter(record, now, runTimes.usual(record.type))}` };
}
