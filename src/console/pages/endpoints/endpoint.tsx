import { useState } from "preact/hooks";
import { type Resource, useAction, useResource } from "../../api/resource.ts";
import type { ListedEndpoint } from "../../api/types.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button, Copy } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Card, Page } from "../../parts/page.tsx";
import { Failure, Loaded } from "../../parts/state.tsx";
import { Facts } from "../../parts/table.tsx";
import { Ago, At } from "../../parts/time.tsx";
import { useOperator } from "../../session.ts";
import { EndpointActions } from "./actions.tsx";
import { conditionOf } from "./condition.ts";
import { EndpointDeliveries } from "./deliveries.tsx";
import { EndpointFields, formOf, patchOf } from "./endpoint-form.tsx";

export function EndpointPage({ id }: { readonly id: string }) {
  const { api } = useOperator();
  const endpoint = useResource(
    `endpoint ${id}`,
    (signal) => api.send<ListedEndpoint>(`/v1/endpoints/${encodeURIComponent(id)}`, { signal }),
    10_000,
  );
  return (
    <Page
      title="Endpoint"
      about={
        <>
          <code class="break">{id}</code> <Copy text={id} label="Copy id" />
        </>
      }
    >
      <Loaded of={endpoint}>
        {(shown) => (
          <>
            <Settings endpoint={shown} resource={endpoint} />
            <EndpointActions endpoint={shown} onChange={endpoint.reload} />
            <EndpointDeliveries id={id} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

interface SettingsProps {
  readonly endpoint: ListedEndpoint;
  readonly resource: Resource<ListedEndpoint>;
}

function Settings({ endpoint, resource }: SettingsProps) {
  const operator = useOperator();
  const [editing, setEditing] = useState(false);
  const { url, events, description, verifiedAt, health, createdAt, rateLimit, retrySchedule, headers } =
    endpoint;
  const { state, why, since } = conditionOf(endpoint);
  const obstacle = operator.can("endpoints:write") ? undefined : "This key lacks the scope endpoints:write.";
  return (
    <Card
      title="Receiver"
      actions={
        <Button obstacle={obstacle} onPress={() => setEditing(true)}>
          Edit
        </Button>
      }
    >
      <p>
        <span role="status">
          <Badge state={state} />
        </span>{" "}
        {why}
        {since !== undefined && (
          <>
            {" "}
            since <At at={since} />
          </>
        )}
      </p>
      <Facts
        of={[
          [
            "Address",
            <code key="url" class="break">
              {url}
            </code>,
          ],
          ["Description", description ?? "–"],
          ["Events", events.join(", ")],
          ["Verified", verifiedAt ? <At key="at" at={verifiedAt} /> : "not yet"],
          ["Last success", <Ago key="success" at={health.lastSuccessAt} />],
          ["Headers", Object.keys(headers).join(", ") || "none"],
          ["Retries after", retrySchedule?.join(", ") ?? "the deployment's schedule"],
          ["Rate", rateLimit === undefined ? "unlimited" : `${rateLimit} per second`],
          ["Registered", <At key="created" at={createdAt} />],
        ]}
      />
      {editing && (
        <EditDialog
          endpoint={endpoint}
          onClose={() => {
            setEditing(false);
            resource.reload();
          }}
        />
      )}
    </Card>
  );
}

function EditDialog({
  endpoint,
  onClose,
}: {
  readonly endpoint: ListedEndpoint;
  readonly onClose: () => void;
}) {
  const { api } = useOperator();
  const [before] = useState(() => formOf(endpoint));
  const [form, setForm] = useState(before);
  const save = useAction(async () => {
    await api.send(`/v1/endpoints/${endpoint.id}`, { method: "PATCH", body: patchOf(form, before) });
    onClose();
  });
  return (
    <Dialog title="Edit the endpoint" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.run();
        }}
      >
        <EndpointFields form={form} onChange={setForm} />
        {form.url !== before.url && (
          <p class="faint">
            Another address must be verified again before it gets events; another origin loses the custom
            headers.
          </p>
        )}
        {save.failure && <Failure failure={save.failure} />}
        <Button kind="primary" submit busy={save.busy}>
          Save
        </Button>
      </form>
    </Dialog>
  );
}
