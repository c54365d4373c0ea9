import { faultIn, fitting } from "./http/pipeline/body.ts";
import { idempotencyKey } from "./http/pipeline/headers.ts";
import { TaskRequest } from "./http/schemas/task-requests.ts";
import type { Background } from "./ports/background.ts";
import type { RequestContext } from "./ports/dependencies.ts";
import type { FindProject } from "./projects/find-project.ts";
import { utf8 } from "./shared/bytes.ts";
import { ApiError } from "./shared/problems.ts";
import type { Written } from "./shared/schema/schema.ts";
import type { TypedTask } from "./shared/schema/typed-task.ts";
import { traceOf } from "./shared/trace/trace-context.ts";
import type { Task as TaskView } from "./tasks/schema.ts";
import { accept } from "./tasks/submit/submit-task.ts";
import { taskView } from "./tasks/view.ts";

/** The fields of `POST /v1/tasks` next to `type` and `input`, as they are written there: `delay: "10s"`. */
type TaskSettings = Omit<Written<typeof TaskRequest>, "type" | "input">;

/** How a task is submitted without HTTP. */
export interface SubmitOptions extends TaskSettings {
  /** The task's project: its id, or its name. It must exist. */
  readonly project: string;
  /** Keeps the publish alive after the answer. Without it, the submit waits for the publish. */
  readonly ctx?: Background | undefined;
  /** With the same key and the same task there is one task, however often this is called within 24 hours. */
  readonly idempotencyKey?: string | undefined;
  /** The trace that the task continues (W3C Trace Context). */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

/** A submitted task, as `POST /v1/tasks` answers it. */
export type SubmittedTask<Result = unknown> = Omit<TaskView, "result"> & { readonly result?: Result };

/** Submits a task in this process. @throws ApiError with the code that `POST /v1/tasks` would answer */
export async function submitTask<Result>(
  ctx: RequestContext,
  findProject: FindProject,
  { type }: TypedTask<string, unknown, Result>,
  input: unknown,
  { project, ctx: background, idempotencyKey: key, traceparent, tracestate, ...settings }: SubmitOptions,
): Promise<SubmittedTask<Result>> {
  const json = written({ type, input, ...settings }, ctx.settings.maxBody);
  const submit = fitting(TaskRequest, json);
  const known = idempotencyKey(key);
  const trace = traceOf(traceparent, tracestate);
  const caller = { kind: "project-admin", project: await findProject(project) } as const;
  const { record, now, delivery } = await accept(ctx, caller, {
    ...submit,
    canonical: json,
    queued: background === undefined,
    ...(known !== undefined && { idempotencyKey: known }),
    ...(trace !== undefined && { trace }),
  });
  const { publicUrl } = ctx.settings;
  const view = taskView(record, { publicUrl, now, include: { input: false }, ...(delivery && { delivery }) });
  return view as SubmittedTask<Result>; // its handler's result, as JSON
}

/** The value as a client would have sent it. @throws ApiError `payload-too-large` or `invalid-request` */
function written(value: unknown, maxBody: number): unknown {
  const text = textOf(value);
  if (utf8(text).byteLength > maxBody) {
    throw new ApiError("payload-too-large", `The task may have at most ${maxBody} bytes as JSON.`);
  }
  const json: unknown = JSON.parse(text);
  const fault = faultIn(text, json);
  if (fault) throw unfit(fault.pointer, fault.detail);
  return json;
}

/** @throws ApiError `invalid-request` for a circle, more levels than the stack has, or a `toJSON` that throws */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value, exact);
  } catch (error) {
    throw error instanceof ApiError ? error : unfit("#", "holds a value that cannot be written as JSON");
  }
}

/** Refuses the values that JSON would change without a word, or cannot hold. */
function exact(name: string, value: unknown): unknown {
  if (typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))) {
    throw unfit("#/input", `holds ${value} in "${name}", which JSON cannot hold; send it as a string`);
  }
  return value;
}

function unfit(pointer: string, detail: string): ApiError {
  return new ApiError("invalid-request", "The task is not acceptable.", { errors: [{ pointer, detail }] });
}
