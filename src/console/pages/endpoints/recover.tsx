import { useRef, useState } from "preact/hooks";
import { useResource } from "../../api/resource.ts";
import type { Recovery } from "../../api/types.ts";
import { counted, span } from "../../format.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Choice } from "../../parts/field.tsx";
import { Loaded } from "../../parts/state.tsx";
import { Steps, useSteps } from "../../parts/steps.tsx";
import { useOperator } from "../../session.ts";

const DAY = 86_400_000;

const SPANS = [
  ["1", "the last day"],
  ["7", "the last 7 days"],
  ["30", "the last 30 days"],
  ["59", "all that is kept"],
] as const;

/** Sends an endpoint's dead letters again: first a dry run that counts them. */
export function RecoverDialog({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const [days, setDays] = useState("7");
  return (
    <Dialog title="Recover dead letters" onClose={onClose}>
      <p>Sends every callback again that was given up, each with the id and body that it had.</p>
      <Choice label="Given up in" value={days} onChange={setDays} choices={SPANS} />
      <Recover key={days} id={id} days={Number(days)} />
    </Dialog>
  );
}

function Recover({ id, days }: { readonly id: string; readonly days: number }) {
  const { api } = useOperator();
  const path = `/v1/endpoints/${id}/recover`;
  const since = useRef(new Date(Date.now() - days * DAY).toISOString()).current;
  const dry = useResource("dry run", (signal) =>
    api.send<Recovery>(path, { method: "POST", body: { since, dryRun: true }, signal }),
  );
  const cursor = useRef<string | undefined>(undefined);
  const { progress, run, stop } = useSteps(async () => {
    const body = { since, ...(cursor.current !== undefined && { cursor: cursor.current }) };
    const step = await api.send<Recovery>(path, { method: "POST", body });
    cursor.current = step.nextCursor ?? undefined;
    return { done: step.recovered, more: step.nextCursor !== null };
  });
  return (
    <Loaded of={dry} lines={2}>
      {({ count, pace }) => (
        <>
          <p role="status">
            The dry run found {counted(count, "dead letter")}
            {count > 0 && `, which take about ${span((count / pace) * 1_000)} at ${pace} per second`}.
          </p>
          <Steps
            progress={progress}
            total={count}
            verb="Recover"
            past="recovered"
            onRun={run}
            onStop={stop}
          />
        </>
      )}
    </Loaded>
  );
}
