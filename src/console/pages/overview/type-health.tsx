import { useResource } from "../../api/resource.ts";
import type { Page, Task } from "../../api/types.ts";
import { number, percent } from "../../format.ts";
import { Card } from "../../parts/page.tsx";
import { Empty, Loaded } from "../../parts/state.tsx";
import { Table } from "../../parts/table.tsx";
import { to } from "../../router.ts";
import { useOperator } from "../../session.ts";
import { shareOf, type Tally, talliesOf } from "./tallies.ts";

const LOOKED_AT = 100;

/** Which task types fail, among the newest tasks. */
export function TypeHealth() {
  const { api } = useOperator();
  const tasks = useResource(
    "newest",
    (signal) => api.send<Page<Task>>("/v1/tasks", { query: { limit: LOOKED_AT }, signal }),
    15_000,
  );
  return (
    <Card title={`Task types, newest ${LOOKED_AT} tasks`}>
      <Loaded of={tasks}>
        {({ data }) => {
          if (data.length === 0) return <Empty title="No tasks are kept." />;
          return (
            <Table label="Task types" head={["Type", "Ended", "Failed", "Most often"]}>
              {talliesOf(data).map((tally) => (
                <TypeRow key={tally.type} tally={tally} />
              ))}
            </Table>
          );
        }}
      </Loaded>
    </Card>
  );
}

function TypeRow({ tally }: { readonly tally: Tally }) {
  const { type, ended, failed, codes } = tally;
  const share = shareOf(tally);
  const [most] = [...codes].toSorted(([, a], [, b]) => b - a);
  return (
    <tr>
      <th scope="row">
        <a href={to(["tasks"], { type })}>{type}</a>
      </th>
      <td>{number(ended)}</td>
      <td class={share >= 0.2 ? "bad-text" : ""}>
        {failed === 0 ? "0" : <a href={to(["tasks"], { type, status: "failed" })}>{number(failed)}</a>}
        {failed > 0 && ` (${percent(share)})`}
      </td>
      <td>{most ? <code>{most[0]}</code> : <span class="faint">–</span>}</td>
    </tr>
  );
}
