import { useRef, useState } from "preact/hooks";
import { type Api, RequestFailure } from "../../api/request.ts";
import { counted } from "../../format.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Steps, useSteps } from "../../parts/steps.tsx";
import { useOperator } from "../../session.ts";
import type { Group } from "./groups.ts";

/** Redeliveries that are asked for at a time. */
const AT_A_TIME = 4;

/** Whether it is being sent again; not when somebody else was quicker, or the task is gone. */
async function redelivered(api: Api, id: string): Promise<boolean> {
  try {
    await api.send(`/v1/deliveries/${id}/redeliver`, { method: "POST" });
    return true;
  } catch (error) {
    if (error instanceof RequestFailure && [404, 409].includes(error.status)) return false;
    throw error;
  }
}

/** Sends a group of dead letters again. */
export function RedeliverDialog({ group, onClose }: { readonly group: Group; readonly onClose: () => void }) {
  const { api } = useOperator();
  const { letters, code, receiver } = group;
  const left = useRef(letters.map(({ id }) => id));
  const [skipped, setSkipped] = useState(0);
  const { progress, run, stop } = useSteps(async () => {
    const now = left.current.slice(0, AT_A_TIME);
    const outcomes = await Promise.all(now.map((id) => redelivered(api, id)));
    left.current = left.current.slice(AT_A_TIME);
    setSkipped((before) => before + outcomes.filter((sent) => !sent).length);
    return { done: now.length, more: left.current.length > 0 };
  });
  return (
    <Dialog
      title="Redeliver dead letters"
      onClose={() => {
        stop();
        onClose();
      }}
    >
      <p>
        Sends {counted(letters.length, "callback")} to <strong class="break">{receiver}</strong> again, which
        ended with <code>{code}</code>. Each has the id and body that it had, and its schedule starts again.
      </p>
      <Steps
        progress={progress}
        total={letters.length}
        verb="Redeliver"
        past="redelivered"
        onRun={run}
        onStop={stop}
      />
      {skipped > 0 && (
        <p class="faint">{counted(skipped, "callback")} had been sent again or erased in the meantime.</p>
      )}
    </Dialog>
  );
}
