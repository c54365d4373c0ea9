import { useState } from "preact/hooks";
import { useResource } from "../../api/resource.ts";
import type { Page as ListPage, Task } from "../../api/types.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Checkbox } from "../../parts/field.tsx";
import { Page } from "../../parts/page.tsx";
import { Pager, usePages } from "../../parts/pager.tsx";
import { Empty, Loaded } from "../../parts/state.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/time.tsx";
import { go, to } from "../../router.ts";
import { obstacleTo, useOperator } from "../../session.ts";
import { type BulkAction, BulkDialog } from "./bulk.tsx";
import { type Filter, faultIn, filterIn, isNarrowed, queryOf } from "./filter.ts";
import { FilterForm } from "./filter-form.tsx";

const LIVE = 3_000;
const PAGE_SIZE = 50;

/** An item may name its project when a list goes over all of them. */
type ListedTask = Task & { readonly project?: string; readonly paused?: boolean };

export function TasksPage({ query }: { readonly query: Readonly<Record<string, string>> }) {
  const operator = useOperator();
  const { api } = operator;
  const filter = filterIn(query);
  const fault = faultIn(filter);
  const key = JSON.stringify(filter);
  const pages = usePages(key);
  const [live, setLive] = useState(true);
  const [bulk, setBulk] = useState<BulkAction>();
  const tasks = useResource(
    fault === undefined ? `${key} ${pages.cursor ?? ""}` : undefined,
    (signal) =>
      api.send<ListPage<ListedTask>>("/v1/tasks", {
        query: { ...queryOf(filter, Date.now()), limit: PAGE_SIZE, cursor: pages.cursor },
        signal,
      }),
    live && pages.cursor === undefined ? LIVE : 0,
  );
  const obstacle = fault ?? obstacleTo(operator, "tasks:write");
  return (
    <Page
      title="Tasks"
      actions={
        <>
          <Checkbox label="Live" checked={live} onChange={setLive} />
          <Button obstacle={obstacle} onPress={() => setBulk("cancel")}>
            Cancel matching…
          </Button>
          <Button obstacle={obstacle} onPress={() => setBulk("replay")}>
            Replay matching…
          </Button>
        </>
      }
    >
      <FilterForm filter={filter} onChange={(next) => go(to(["tasks"], { ...next }), true)} />
      {fault !== undefined && <Empty title={fault} />}
      <Loaded of={tasks} lines={8}>
        {({ data, nextCursor }) => (
          <>
            {data.length === 0 && nextCursor === null && pages.number === 1 ? (
              <Nothing filter={filter} />
            ) : (
              <TaskTable tasks={data} />
            )}
            <Pager pages={pages} next={nextCursor} count={data.length} />
          </>
        )}
      </Loaded>
      {bulk && (
        <BulkDialog
          action={bulk}
          filter={filter}
          onClose={() => {
            setBulk(undefined);
            tasks.reload();
          }}
        />
      )}
    </Page>
  );
}

function TaskTable({ tasks }: { readonly tasks: readonly ListedTask[] }) {
  return (
    <Table label="Tasks" head={["Status", "Task", "Attempt", "Accepted", "Callback", "Metadata"]}>
      {tasks.map((task) => (
        <TaskRow key={task.id} task={task} />
      ))}
    </Table>
  );
}

function TaskRow({ task }: { readonly task: ListedTask }) {
  const { id, status, type, attempt, maxAttempts, createdAt, callback, metadata, error, project, paused } =
    task;
  const pairs = Object.entries(metadata);
  return (
    <tr>
      <td>
        <Badge state={status} /> {paused && <Badge state="paused" />}
      </td>
      <th scope="row">
        <a class="id" href={to(["tasks", id], { project })}>
          {id}
        </a>
        <div class="faint">
          {type}
          {error && (
            <>
              , <code class="bad-text">{error.code}</code>
            </>
          )}
        </div>
      </th>
      <td>
        {attempt} of {maxAttempts}
      </td>
      <td>
        <Ago at={createdAt} />
      </td>
      <td>{callback ? <Badge state={callback.status} /> : <span class="faint">–</span>}</td>
      <td class="pairs">
        {pairs.slice(0, 2).map(([name, value]) => (
          <span key={name} title={`${name}=${value}`}>
            {name}={value}
          </span>
        ))}
        {pairs.length > 2 && <span class="faint">and {pairs.length - 2} more</span>}
      </td>
    </tr>
  );
}

function Nothing({ filter }: { readonly filter: Filter }) {
  if (isNarrowed(filter)) {
    return (
      <Empty title="No task matches.">
        <p>Tasks are kept for some days after their end.</p>
        <a class="button" href={to(["tasks"])}>
          Show all tasks
        </a>
      </Empty>
    );
  }
  return (
    <Empty title="No task yet.">
      <p>Submit one with an API key, or fill in a form.</p>
      <a class="button primary" href={to(["task-types"])}>
        Try a task type
      </a>
    </Empty>
  );
}
