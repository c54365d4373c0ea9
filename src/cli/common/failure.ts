import { RingbackError } from "../../client/index.ts";
import { CommandFailure, failureLine } from "../../local/command/failure.ts";
import { CALL } from "./call.ts";

/** The exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2, refused: 3, unreachable: 4 } as const;

/** A call that cannot be carried out as it was typed. Its message says what to type. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The next step, by the code of the error. */
const ADVICE: Readonly<Record<string, string>> = {
  unreachable: `"${CALL} dev" starts a gateway here; --url or RINGBACK_URL names another one.`,
  timeout: "Try again, or look at the gateway's log.",
  "unexpected-answer": "Check --url or RINGBACK_URL: it must lead to a gateway.",
  unauthenticated: `Give a key of this gateway with --key or RINGBACK_API_KEY. "${CALL} keys create" makes one.`,
  forbidden: `"${CALL} keys create --project NAME --scopes LIST" makes a key with the scope.`,
  "project-required": "Add --project NAME: the admin token works for one project at a time.",
  "unknown-task-type": `"${CALL} api GET /v1/task-types" lists the task types.`,
  "task-already-ended": `"${CALL} get" shows how it ended.`,
  "quota-exceeded": "Wait until tasks have ended, or raise the project's limit.",
  "endpoint-closed": "Enable and verify the endpoint first.",
};

/** The admin token where the command needs it. */
const ADMIN_ADVICE = "This command needs the admin token: give it with --key or RINGBACK_ADMIN_TOKEN.";

/** How a failure is reported, and the exit code. */
export interface Report {
  readonly code: number;
  /** For people. */
  readonly text: string;
  /** For `--json`. */
  readonly document: Readonly<Record<string, unknown>>;
}

export function reportOf(error: unknown, wants: "key" | "admin" = "key"): Report {
  if (error instanceof RingbackError) return refusal(error, wants);
  if (error instanceof UsageError || error instanceof CommandFailure) {
    const text = failureLine(error);
    return { code: EXIT.usage, text, document: { code: "usage", detail: text } };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: EXIT.failed, text, document: { code: "internal-error", detail: text } };
}

function refusal(error: RingbackError, wants: "key" | "admin"): Report {
  const { code, status, detail, errors, requestId, retryAfter } = error;
  const isAnswer = status > 0 && code !== "unexpected-answer";
  const isKeyRefused = code === "unauthenticated" || code === "forbidden";
  const advice = isKeyRefused && wants === "admin" ? ADMIN_ADVICE : ADVICE[code];
  const lines = [
    `${code}: ${detail}`,
    ...errors.map((fault) => `  ${fault.pointer} ${fault.detail}`),
    ...(retryAfter === undefined ? [] : [`Try again in ${Math.ceil(retryAfter / 1_000)} s.`]),
    ...(advice === undefined ? [] : [advice]),
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
  ];
  return {
    code: isAnswer ? EXIT.refused : EXIT.unreachable,
    text: lines.join("\n"),
    document: { code, status, detail, errors, ...(requestId !== undefined && { requestId }) },
  };
}
