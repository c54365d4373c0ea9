import { useState } from "preact/hooks";
import { useAction, useResource } from "../../api/resource.ts";
import type { Endpoint, ListedEndpoint, Page as ListPage } from "../../api/types.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Page } from "../../parts/page.tsx";
import { Pager, usePages } from "../../parts/pager.tsx";
import { Secret } from "../../parts/secret.tsx";
import { Empty, Failure, Loaded } from "../../parts/state.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/time.tsx";
import { go, to } from "../../router.ts";
import { obstacleTo, useOperator } from "../../session.ts";
import { conditionOf } from "./condition.ts";
import { EndpointFields, type EndpointForm, formOf, requestOf } from "./endpoint-form.tsx";

export function EndpointsPage() {
  const operator = useOperator();
  const { api } = operator;
  const pages = usePages("endpoints");
  const [creating, setCreating] = useState(false);
  const endpoints = useResource(
    `endpoints ${pages.cursor ?? ""}`,
    (signal) =>
      api.send<ListPage<ListedEndpoint>>("/v1/endpoints", {
        query: { limit: 50, cursor: pages.cursor },
        signal,
      }),
    10_000,
  );
  const register = (
    <Button
      kind="primary"
      obstacle={obstacleTo(operator, "endpoints:write")}
      onPress={() => setCreating(true)}
    >
      Register an endpoint
    </Button>
  );
  return (
    <Page title="Endpoints" about="Receivers of a project's events." actions={register}>
      <Loaded of={endpoints}>
        {({ data, nextCursor }) => (
          <>
            {data.length === 0 && pages.number === 1 ? (
              <Empty title="No endpoint is registered.">
                <p>
                  An endpoint gets every event of the project that it subscribes to, signed with its own
                  secret.
                </p>
                {register}
              </Empty>
            ) : (
              <EndpointTable endpoints={data} />
            )}
            <Pager pages={pages} next={nextCursor} count={data.length} />
          </>
        )}
      </Loaded>
      {creating && <CreateDialog onClose={() => setCreating(false)} />}
    </Page>
  );
}

function EndpointTable({ endpoints }: { readonly endpoints: readonly ListedEndpoint[] }) {
  return (
    <Table label="Endpoints" head={["Health", "Address", "Events", "Last success"]}>
      {endpoints.map((endpoint) => {
        const { id, url, events, description, health, project } = endpoint;
        const { state, why, since } = conditionOf(endpoint);
        return (
          <tr key={id}>
            <td>
              <Badge state={state} />
              {state !== "healthy" && (
                <div class="faint">
                  {why} {since !== undefined && <Ago at={since} />}
                </div>
              )}
            </td>
            <th scope="row">
              <a class="break" href={to(["endpoints", id], { project })}>
                {url}
              </a>
              {description !== undefined && <div class="faint">{description}</div>}
            </th>
            <td>{events.join(", ")}</td>
            <td>
              <Ago at={health.lastSuccessAt} />
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

function CreateDialog({ onClose }: { readonly onClose: () => void }) {
  const { api } = useOperator();
  const [form, setForm] = useState<EndpointForm>(formOf());
  const [made, setMade] = useState<Endpoint & { readonly secret: string }>();
  const create = useAction(async () => {
    setMade(await api.send("/v1/endpoints", { method: "POST", body: requestOf(form) }));
  });
  if (made) {
    return (
      <Dialog title="Registered" onClose={() => go(to(["endpoints", made.id]))}>
        <Secret name="Its signing secret" value={made.secret}>
          Give it to the receiver, which verifies each event with it. Then verify the endpoint: nothing is
          sent before.
        </Secret>
        <Button kind="primary" onPress={() => go(to(["endpoints", made.id]))}>
          Go to the endpoint
        </Button>
      </Dialog>
    );
  }
  return (
    <Dialog title="Register an endpoint" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.run();
        }}
      >
        <EndpointFields form={form} onChange={setForm} />
        {create.failure && <Failure failure={create.failure} />}
        <Button kind="primary" submit busy={create.busy}>
          Register
        </Button>
      </form>
    </Dialog>
  );
}
