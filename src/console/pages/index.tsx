import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Page } from "../parts/page.tsx";
import { Empty } from "../parts/state.tsx";
import { type Place, to } from "../router.ts";
import type { Operator } from "../session.ts";
import { CostPage } from "./cost/cost.tsx";
import { DeadLettersPage } from "./dead-letters/dead-letters.tsx";
import { EndpointPage } from "./endpoints/endpoint.tsx";
import { EndpointsPage } from "./endpoints/endpoints.tsx";
import { OverviewPage } from "./overview/overview.tsx";
import { ProjectsPage } from "./projects/projects.tsx";
import { TaskPage } from "./task/task.tsx";
import { TaskTypePage } from "./task-types/task-type.tsx";
import { TaskTypesPage } from "./task-types/task-types.tsx";
import { TasksPage } from "./tasks/tasks.tsx";

/** The page of a place. */
export function pageAt({ path: [top = "", one], query }: Place, operator: Operator): ComponentChildren {
  // A link into one project works for the admin who looks at another, or at all.
  const { project } = query;
  if (operator.session.kind === "admin" && project !== undefined && project !== operator.project) {
    return <OtherProject project={project} operator={operator} />;
  }
  switch (top) {
    case "":
      return <OverviewPage />;
    case "tasks":
      return one === undefined ? <TasksPage query={query} /> : <TaskPage id={one} />;
    case "endpoints":
      return one === undefined ? <EndpointsPage /> : <EndpointPage id={one} />;
    case "dead-letters":
      return <DeadLettersPage query={query} />;
    case "task-types":
      return one === undefined ? <TaskTypesPage /> : <TaskTypePage type={one} />;
    case "projects":
      return <ProjectsPage />;
    case "cost":
      return <CostPage />;
    default:
      return <Nowhere />;
  }
}

function OtherProject({ project, operator }: { readonly project: string; readonly operator: Operator }) {
  const { pick } = operator;
  const looksAtAll = operator.project === undefined;
  useEffect(() => {
    if (looksAtAll) pick(project);
  }, [looksAtAll, pick, project]);
  if (looksAtAll) return null;
  return (
    <Page title="Another project">
      <Empty title="This link leads into another project.">
        <button type="button" class="button primary" onClick={() => operator.pick(project)}>
          Look at {operator.names.get(project) ?? project}
        </button>
      </Empty>
    </Page>
  );
}

function Nowhere() {
  return (
    <Page title="Nothing is here">
      <Empty title="The console has no such page.">
        <a class="button" href={to([])}>
          Go to the overview
        </a>
      </Empty>
    </Page>
  );
}
