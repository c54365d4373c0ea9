import { useState } from "preact/hooks";
import { useAction } from "../../api/resource.ts";
import type { Endpoint, SigningSecret, TestOutcome } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/field.tsx";
import { Card } from "../../parts/page.tsx";
import { Secret } from "../../parts/secret.tsx";
import { Failure } from "../../parts/state.tsx";
import { At } from "../../parts/time.tsx";
import { go, to } from "../../router.ts";
import { useOperator } from "../../session.ts";
import { AttemptEntry } from "../task/callbacks.tsx";
import { RecoverDialog } from "./recover.tsx";

interface ActionsProps {
  readonly endpoint: Endpoint;
  readonly onChange: () => void;
}

type Open = "recover" | "rotate" | "delete";

/** The actions on an endpoint, in the order in which a broken one is mended. */
export function EndpointActions({ endpoint, onChange }: ActionsProps) {
  const { api, can } = useOperator();
  const [open, setOpen] = useState<Open>();
  const [outcome, setOutcome] = useState<TestOutcome>();
  const path = `/v1/endpoints/${endpoint.id}`;
  const obstacle = can("endpoints:write") ? undefined : "This key lacks the scope endpoints:write.";
  const verify = useAction(async () => {
    await api.send(`${path}/verify`, { method: "POST" });
    onChange();
  });
  const test = useAction(async () => {
    setOutcome(await api.send<TestOutcome>(`${path}/test`, { method: "POST" }));
    onChange();
  });
  const toggle = useAction(async () => {
    await api.send(path, { method: "PATCH", body: { disabled: !endpoint.disabled } });
    onChange();
  });
  const close = (): void => {
    setOpen(undefined);
    onChange();
  };
  const failure = verify.failure ?? test.failure ?? toggle.failure;
  return (
    <Card title="Actions">
      <div class="actions">
        {!endpoint.verified && (
          <Button kind="primary" busy={verify.busy} obstacle={obstacle} onPress={verify.run}>
            Verify
          </Button>
        )}
        <Button busy={test.busy} obstacle={obstacle} onPress={test.run}>
          Send a test event
        </Button>
        <Button obstacle={obstacle} onPress={() => setOpen("recover")}>
          Recover…
        </Button>
        <Button busy={toggle.busy} obstacle={obstacle} onPress={toggle.run}>
          {endpoint.disabled ? "Enable" : "Disable"}
        </Button>
        <Button
          obstacle={can("secrets:write") ? undefined : "This key lacks the scope secrets:write."}
          onPress={() => setOpen("rotate")}
        >
          Rotate the secret…
        </Button>
        <Button kind="danger" obstacle={obstacle} onPress={() => setOpen("delete")}>
          Delete…
        </Button>
      </div>
      {failure && <Failure failure={failure} />}
      {outcome && (
        <div role="status">
          <p>
            {outcome.delivered
              ? "The receiver accepted the test event."
              : "The receiver did not accept the test event."}
          </p>
          <AttemptEntry attempt={outcome.attempt} number={1} newest />
        </div>
      )}
      {open === "recover" && <RecoverDialog id={endpoint.id} onClose={close} />}
      {open === "rotate" && <RotateDialog path={path} onClose={close} />}
      {open === "delete" && <DeleteDialog endpoint={endpoint} onClose={close} />}
    </Card>
  );
}

function RotateDialog({ path, onClose }: { readonly path: string; readonly onClose: () => void }) {
  const { api } = useOperator();
  const [overlap, setOverlap] = useState("24h");
  const [secrets, setSecrets] = useState<SigningSecret | "hidden">();
  const rotate = useAction(async () => {
    const body = { overlap: overlap.trim() };
    const rotated = await api.send<SigningSecret | undefined>(`${path}/rotate-secret`, {
      method: "POST",
      body,
    });
    setSecrets(rotated ?? "hidden");
  });
  return (
    <Dialog title="Rotate the signing secret" onClose={onClose}>
      {secrets === undefined && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            rotate.run();
          }}
        >
          <TextField
            label="The old secret still signs for"
            value={overlap}
            onChange={setOverlap}
            hint="A duration such as 24h, at most 7d: the receiver has that long to change."
          />
          {rotate.failure && <Failure failure={rotate.failure} />}
          <Button kind="primary" submit busy={rotate.busy}>
            Rotate
          </Button>
        </form>
      )}
      {secrets === "hidden" && (
        <p>Rotated. This key lacks the scope secrets:read, so the new secret is not shown.</p>
      )}
      {secrets !== undefined && secrets !== "hidden" && (
        <>
          <Secret name="The new secret" value={secrets.secret}>
            Give it to the receiver.
          </Secret>
          {secrets.previous.map(({ secret, expiresAt }) => (
            <p key={secret}>
              An older one signs along until <At at={expiresAt} />.
            </p>
          ))}
        </>
      )}
    </Dialog>
  );
}

function DeleteDialog({
  endpoint: { id, url },
  onClose,
}: {
  readonly endpoint: Endpoint;
  readonly onClose: () => void;
}) {
  const { api } = useOperator();
  const remove = useAction(async () => {
    await api.send(`/v1/endpoints/${id}`, { method: "DELETE" });
    go(to(["endpoints"]));
  });
  return (
    <Dialog title="Delete the endpoint" onClose={onClose}>
      <p>
        <code class="break">{url}</code> gets no event any more. Deliveries that are on their way to it end as
        dead letters.
      </p>
      {remove.failure && <Failure failure={remove.failure} />}
      <Button kind="danger" busy={remove.busy} onPress={remove.run}>
        Delete
      </Button>
    </Dialog>
  );
}
