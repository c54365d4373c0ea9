import { useState } from "preact/hooks";
import { useAction, useResource } from "../../api/resource.ts";
import type { Key, Page } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Checkbox, TextField } from "../../parts/field.tsx";
import { Card } from "../../parts/page.tsx";
import { Pager, usePages } from "../../parts/pager.tsx";
import { Secret } from "../../parts/secret.tsx";
import { Empty, Failure, Loaded } from "../../parts/state.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago, At } from "../../parts/time.tsx";
import { useOperator } from "../../session.ts";

type Open = { readonly kind: "create" } | { readonly kind: "revoke"; readonly key: Key };

/** The API keys of a project. Their texts are shown once, when they are made. */
export function Keys({ project }: { readonly project: string }) {
  const { api, names } = useOperator();
  const pages = usePages(project);
  const [open, setOpen] = useState<Open>();
  const keys = useResource(`keys ${project} ${pages.cursor ?? ""}`, (signal) =>
    api.send<Page<Key>>("/admin/keys", { query: { project, cursor: pages.cursor }, signal }),
  );
  const close = (): void => {
    setOpen(undefined);
    keys.reload();
  };
  return (
    <Card
      title={`Keys of ${names.get(project) ?? project}`}
      actions={
        <Button kind="primary" onPress={() => setOpen({ kind: "create" })}>
          Make a key
        </Button>
      }
    >
      <Loaded of={keys}>
        {({ data, nextCursor }) => (
          <>
            {data.length === 0 ? (
              <Empty title="No key: nobody can use this project yet." />
            ) : (
              <KeyTable keys={data} onRevoke={(key) => setOpen({ kind: "revoke", key })} />
            )}
            <Pager pages={pages} next={nextCursor} count={data.length} />
          </>
        )}
      </Loaded>
      {open?.kind === "create" && <CreateDialog project={project} onClose={close} />}
      {open?.kind === "revoke" && <RevokeDialog apiKey={open.key} onClose={close} />}
    </Card>
  );
}

function KeyTable({
  keys,
  onRevoke,
}: {
  readonly keys: readonly Key[];
  readonly onRevoke: (key: Key) => void;
}) {
  return (
    <Table label="Keys" head={["Name", "Id", "Scopes", "Made", "Expires", "Action"]}>
      {keys.map((key) => (
        <tr key={key.id}>
          <th scope="row">{key.name ?? <span class="faint">unnamed</span>}</th>
          <td>
            <code>{key.id}</code>
          </td>
          <td>{key.scopes.join(", ")}</td>
          <td>
            <Ago at={key.createdAt} />
          </td>
          <td>{key.expiresAt === undefined ? "never" : <At at={key.expiresAt} />}</td>
          <td>
            <Button kind="danger" about={key.name ?? key.id} onPress={() => onRevoke(key)}>
              Revoke…
            </Button>
          </td>
        </tr>
      ))}
    </Table>
  );
}

const SCOPES = [
  "tasks:write",
  "tasks:read",
  "endpoints:write",
  "endpoints:read",
  "secrets:read",
  "secrets:write",
  "admin",
] as const;

function CreateDialog({ project, onClose }: { readonly project: string; readonly onClose: () => void }) {
  const { api } = useOperator();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly string[]>(["tasks:write", "tasks:read"]);
  const [made, setMade] = useState<string>();
  const create = useAction(async () => {
    const body = { project, scopes, ...(name.trim() !== "" && { name: name.trim() }) };
    setMade((await api.send<{ readonly key: string }>("/admin/keys", { method: "POST", body })).key);
  });
  if (made !== undefined) {
    return (
      <Dialog title="The key is made" onClose={onClose}>
        <Secret name="API key" value={made}>
          It is shown this once. Keep it where your secrets are.
        </Secret>
        <Button kind="primary" onPress={onClose}>
          Done
        </Button>
      </Dialog>
    );
  }
  return (
    <Dialog title="Make an API key" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.run();
        }}
      >
        <TextField label="Name" value={name} onChange={setName} placeholder="checkout service" />
        <fieldset>
          <legend>Scopes</legend>
          {SCOPES.map((scope) => (
            <Checkbox
              key={scope}
              label={scope === "admin" ? "admin: all of them within the project" : scope}
              checked={scopes.includes(scope)}
              onChange={(checked) =>
                setScopes(checked ? [...scopes, scope] : scopes.filter((other) => other !== scope))
              }
            />
          ))}
        </fieldset>
        {create.failure && <Failure failure={create.failure} />}
        <Button kind="primary" submit busy={create.busy}>
          Make
        </Button>
      </form>
    </Dialog>
  );
}

function RevokeDialog({ apiKey, onClose }: { readonly apiKey: Key; readonly onClose: () => void }) {
  const { api } = useOperator();
  const revoke = useAction(async () => {
    await api.send(`/admin/keys/${apiKey.id}`, { method: "DELETE", query: { project: apiKey.project.id } });
    onClose();
  });
  return (
    <Dialog title="Revoke the key" onClose={onClose}>
      <p>
        <strong>{apiKey.name ?? apiKey.id}</strong> stops working with its next request. This cannot be
        undone.
      </p>
      {revoke.failure && <Failure failure={revoke.failure} />}
      <Button kind="danger" busy={revoke.busy} onPress={revoke.run}>
        Revoke
      </Button>
    </Dialog>
  );
}
