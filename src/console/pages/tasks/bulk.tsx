import { useRef } from "preact/hooks";
import type { Api } from "../../api/request.ts";
import { useResource } from "../../api/resource.ts";
import type { BulkStep } from "../../api/types.ts";
import { counted, number } from "../../format.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Loaded } from "../../parts/state.tsx";
import { Steps, useSteps } from "../../parts/steps.tsx";
import { useOperator } from "../../session.ts";
import { bulkFilterOf, type Filter, inWords } from "./filter.ts";

export type BulkAction = "cancel" | "replay";

const WORDS = {
  cancel: { title: "Cancel tasks", verb: "Cancel", past: "canceled" },
  replay: { title: "Run tasks again", verb: "Replay", past: "replayed" },
} as const;

/** Pages that a dry run looks through; 500 tasks each. */
const MOST_PAGES = 200;

interface Count {
  readonly matched: number;
  /** Whether there are more than were counted. */
  readonly more: boolean;
}

async function countMatching(
  api: Api,
  path: string,
  filter: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Count> {
  let matched = 0;
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const body = { ...filter, dryRun: true, ...(cursor !== undefined && { cursor }) };
    const step = await api.send<BulkStep>(path, { method: "POST", body, signal });
    matched += step.matched;
    if (step.nextCursor === null) return { matched, more: false };
    cursor = step.nextCursor;
  }
  return { matched, more: true };
}

interface BulkDialogProps {
  readonly action: BulkAction;
  readonly filter: Filter;
  readonly onClose: () => void;
}

/** First a dry run, then the action itself page by page. */
export function BulkDialog({ action, filter, onClose }: BulkDialogProps) {
  const { api } = useOperator();
  const { title, verb, past } = WORDS[action];
  const path = `/v1/tasks/${action}`;
  // The same time for every page, also for the dry run.
  const body = useRef(bulkFilterOf(filter, Date.now())).current;
  const count = useResource("count", (signal) => countMatching(api, path, body, signal));
  const cursor = useRef<string | undefined>(undefined);
  // A cursor makes a page safe to repeat; the first page has none.
  const key = useRef(crypto.randomUUID()).current;
  const { progress, run, stop } = useSteps(async () => {
    const first = cursor.current === undefined;
    const step = await api.send<BulkStep>(path, {
      method: "POST",
      body: first ? body : { ...body, cursor: cursor.current },
      ...(first && { headers: { "Idempotency-Key": key } }),
    });
    cursor.current = step.nextCursor ?? undefined;
    return { done: step.changed, more: step.nextCursor !== null };
  });
  return (
    <Dialog
      title={title}
      onClose={() => {
        stop();
        onClose();
      }}
    >
      <p>
        {verb} <strong>{inWords(filter)}</strong>
        {action === "cancel" ? ", as far as they have not ended." : ", as far as they have ended."}
      </p>
      <Loaded of={count} lines={2}>
        {({ matched, more }) => (
          <>
            <p role="status">
              The dry run found {more && "more than "}
              {counted(matched, "task")}.
            </p>
            {matched === 0 && <p class="faint">Change the filter of the list to match others.</p>}
            <Steps
              progress={progress}
              total={matched}
              verb={verb}
              past={past}
              danger={action === "cancel"}
              onRun={run}
              onStop={stop}
            />
            {progress.state === "finished" && progress.done < matched && (
              <p class="faint">
                {number(matched - progress.done)} had changed in the meantime and stayed as they were.
              </p>
            )}
          </>
        )}
      </Loaded>
    </Dialog>
  );
}
