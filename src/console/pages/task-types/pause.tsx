import { useAction } from "../../api/resource.ts";
import { Button } from "../../parts/button.tsx";
import { Failure } from "../../parts/state.tsx";
import { obstacleTo, useOperator } from "../../session.ts";

interface PauseProps {
  /** Undefined: every type of the project. */
  readonly type?: string;
  readonly paused: boolean;
  readonly onChange: () => void;
}

/** Holds back starts, or lets them go on. */
export function Pause({ type, paused, onChange }: PauseProps) {
  const operator = useOperator();
  const verb = paused ? "resume" : "pause";
  const path = type === undefined ? `/v1/${verb}` : `/v1/task-types/${encodeURIComponent(type)}/${verb}`;
  const toggle = useAction(async () => {
    await operator.api.send(path, { method: "POST" });
    onChange();
  });
  const word = paused ? "Resume" : "Pause";
  return (
    <>
      <Button
        busy={toggle.busy}
        obstacle={obstacleTo(operator, "admin")}
        onPress={toggle.run}
        {...(type !== undefined && { about: type })}
      >
        {type === undefined ? `${word} all` : word}
      </Button>
      {toggle.failure && <Failure failure={toggle.failure} />}
    </>
  );
}
