import { useState } from "preact/hooks";
import { useAction, useResource } from "../../api/resource.ts";
import type { Page as ListPage, Project } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/field.tsx";
import { Card, Page } from "../../parts/page.tsx";
import { Pager, usePages } from "../../parts/pager.tsx";
import { Empty, Failure, Loaded } from "../../parts/state.tsx";
import { Facts, Table } from "../../parts/table.tsx";
import { At } from "../../parts/time.tsx";
import { useOperator } from "../../session.ts";
import { Keys } from "./keys.tsx";
import { LimitsDialog } from "./limits.tsx";

export function ProjectsPage() {
  const { session } = useOperator();
  return session.kind === "admin" ? <AllProjects /> : <OwnKey />;
}

/** What a key is told: its project and its scopes. Keys are made by the admin. */
function OwnKey() {
  const { session } = useOperator();
  return (
    <Page title="Projects and keys">
      <Card title="This key">
        <Facts
          of={[
            [
              "Project",
              <code key="project" class="break">
                {session.project}
              </code>,
            ],
            ["Scopes", session.scopes.join(", ") || "none of the console's"],
            ["Signed in until", <At key="until" at={session.expiresAt} />],
          ]}
        />
        <p class="faint">Projects and keys are managed with the admin token. Sign in with it to see them.</p>
      </Card>
    </Page>
  );
}

function AllProjects() {
  const { api, project, pick, reloadProjects } = useOperator();
  const pages = usePages("projects");
  const [creating, setCreating] = useState(false);
  const [limited, limit] = useState<Project>();
  const projects = useResource(`projects ${pages.cursor ?? ""}`, (signal) =>
    api.send<ListPage<Project>>("/admin/projects", { query: { cursor: pages.cursor }, signal }),
  );
  const create = (
    <Button kind="primary" onPress={() => setCreating(true)}>
      Make a project
    </Button>
  );
  return (
    <Page title="Projects and keys" about="A key sees the tasks of its project alone." actions={create}>
      <Loaded of={projects}>
        {({ data, nextCursor }) => (
          <>
            {data.length === 0 ? (
              <Empty title="No project yet.">{create}</Empty>
            ) : (
              <ProjectTable projects={data} picked={project} onPick={pick} onLimit={limit} />
            )}
            <Pager pages={pages} next={nextCursor} count={data.length} />
          </>
        )}
      </Loaded>
      {project === undefined ? (
        <Empty title="Pick a project to see its keys." />
      ) : (
        <Keys key={project} project={project} />
      )}
      {creating && (
        <CreateDialog
          onClose={(made) => {
            setCreating(false);
            projects.reload();
            reloadProjects();
            if (made) pick(made.id);
          }}
        />
      )}
      {limited && <LimitsDialog project={limited} onClose={() => limit(undefined)} />}
    </Page>
  );
}

interface ProjectTableProps {
  readonly projects: readonly Project[];
  readonly picked: string | undefined;
  readonly onPick: (id: string) => void;
  readonly onLimit: (project: Project) => void;
}

function ProjectTable({ projects, picked, onPick, onLimit }: ProjectTableProps) {
  return (
    <Table label="Projects" head={["Name", "Id", "Action"]}>
      {projects.map((project) => (
        <tr key={project.id} {...(project.id === picked && { "aria-current": "true" as const })}>
          <th scope="row">{project.name}</th>
          <td>
            <code>{project.id}</code>
          </td>
          <td class="actions">
            <Button
              about={project.name}
              onPress={() => onPick(project.id)}
              obstacle={project.id === picked ? "It is picked." : undefined}
            >
              {project.id === picked ? "Picked" : "Pick"}
            </Button>
            <Button about={project.name} onPress={() => onLimit(project)}>
              Limits…
            </Button>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function CreateDialog({ onClose }: { readonly onClose: (made?: Project) => void }) {
  const { api } = useOperator();
  const [name, setName] = useState("");
  const create = useAction(async () => {
    onClose(await api.send<Project>("/admin/projects", { method: "POST", body: { name: name.trim() } }));
  });
  return (
    <Dialog title="Make a project" onClose={() => onClose()}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.run();
        }}
      >
        <TextField label="Name" required value={name} onChange={setName} placeholder="shop" />
        {create.failure && <Failure failure={create.failure} />}
        <Button kind="primary" submit busy={create.busy}>
          Make
        </Button>
      </form>
    </Dialog>
  );
}
