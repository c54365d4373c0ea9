import { useState } from "preact/hooks";
import { useAction, useResource } from "../../api/resource.ts";
import type { LimitedProject, Project } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/field.tsx";
import { Failure, Loaded } from "../../parts/state.tsx";
import { useOperator } from "../../session.ts";

interface LimitsDialogProps {
  readonly project: Project;
  readonly onClose: () => void;
}

/** A project's own limits. A change of nothing answers what they are. */
export function LimitsDialog({ project, onClose }: LimitsDialogProps) {
  const { api } = useOperator();
  const path = `/admin/projects/${project.id}`;
  const limits = useResource("limits", (signal) =>
    api.send<LimitedProject>(path, { method: "PATCH", body: {}, signal }),
  );
  return (
    <Dialog title={`Limits of ${project.name}`} onClose={onClose}>
      <Loaded of={limits} lines={3}>
        {(value) => <LimitsForm path={path} before={value} onSaved={onClose} />}
      </Loaded>
    </Dialog>
  );
}

interface LimitsFormProps {
  readonly path: string;
  readonly before: LimitedProject;
  readonly onSaved: () => void;
}

const textOf = (limit: number | null): string => (limit === null ? "" : `${limit}`);
const limitIn = (text: string): number | null => (text.trim() === "" ? null : Number(text));

function LimitsForm({ path, before, onSaved }: LimitsFormProps) {
  const { api } = useOperator();
  const [searchable, setSearchable] = useState(before.searchable.join(", "));
  const [rateLimit, setRateLimit] = useState(textOf(before.rateLimit));
  const [maxOpen, setMaxOpen] = useState(textOf(before.maxOpen));
  const save = useAction(async () => {
    const names = searchable.split(",").map((name) => name.trim());
    const body = {
      searchable: names.filter((name) => name !== ""),
      rateLimit: limitIn(rateLimit),
      maxOpen: limitIn(maxOpen),
    };
    await api.send(path, { method: "PATCH", body });
    onSaved();
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.run();
      }}
    >
      <TextField
        label="Searchable metadata keys"
        value={searchable}
        onChange={setSearchable}
        placeholder="orderId, customer"
        hint="At most 5, with commas between them. Tasks that are accepted from then on can be found by them."
      />
      <TextField
        label="Tasks per second"
        type="number"
        value={rateLimit}
        onChange={setRateLimit}
        hint="Empty: the deployment's limit."
      />
      <TextField
        label="Open tasks at most"
        type="number"
        value={maxOpen}
        onChange={setMaxOpen}
        hint="Empty: the deployment's limit."
      />
      {save.failure && <Failure failure={save.failure} />}
      <Button kind="primary" submit busy={save.busy}>
        Save
      </Button>
    </form>
  );
}
