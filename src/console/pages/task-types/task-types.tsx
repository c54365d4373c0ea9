import { Badge } from "../../parts/badge.tsx";
import { Page } from "../../parts/page.tsx";
import { Empty, Loaded } from "../../parts/state.tsx";
import { Table } from "../../parts/table.tsx";
import { to } from "../../router.ts";
import { useTaskTypes } from "./names.ts";
import { Pause } from "./pause.tsx";

export function TaskTypesPage() {
  const types = useTaskTypes();
  const { value = [], reload } = types;
  const allPaused = value.length > 0 && value.every(({ paused }) => paused);
  return (
    <Page
      title="Task types"
      about="Paused types accept tasks and hold back their starts; deadlines count on."
      actions={
        <>
          {value.length > 0 && !allPaused && <Pause paused={false} onChange={reload} />}
          {value.some(({ paused }) => paused) && <Pause paused onChange={reload} />}
        </>
      }
    >
      <Loaded of={types}>
        {(data) =>
          data.length === 0 ? (
            <Empty title="This deployment has no task types.">
              <p>
                Add one with <code>defineTask</code>, and deploy.
              </p>
            </Empty>
          ) : (
            <Table label="Task types" head={["State", "Type", "Timeout", "Retries", "Start", "Action"]}>
              {data.map(({ type, summary, timeout, retries, start, paused }) => (
                <tr key={type}>
                  <td>
                    <Badge state={paused ? "paused" : "ok"} label={paused ? "paused" : "runs"} />
                  </td>
                  <th scope="row">
                    <a href={to(["task-types", type])}>{type}</a>
                    {summary !== undefined && <div class="faint">{summary}</div>}
                  </th>
                  <td>{timeout}</td>
                  <td>{retries}</td>
                  <td>{start}</td>
                  <td>
                    <Pause type={type} paused={paused} onChange={reload} />
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Loaded>
    </Page>
  );
}
