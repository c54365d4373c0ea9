import type { TaskType } from "../../api/types.ts";
import { Badge } from "../../parts/badge.tsx";
import { Card, Page } from "../../parts/page.tsx";
import { Empty, Loaded } from "../../parts/state.tsx";
import { Facts } from "../../parts/table.tsx";
import { Json } from "../../parts/text.tsx";
import { to } from "../../router.ts";
import { useTaskTypes } from "./names.ts";
import { Pause } from "./pause.tsx";
import { TryForm } from "./try-form.tsx";

export function TaskTypePage({ type }: { readonly type: string }) {
  const types = useTaskTypes();
  const found = types.value?.find((one) => one.type === type);
  return (
    <Page
      title={type}
      about={found?.summary}
      actions={found && <Pause type={type} paused={found.paused} onChange={types.reload} />}
    >
      <Loaded of={types}>
        {() =>
          found ? (
            <Details type={found} />
          ) : (
            <Empty title="There is no such task type.">
              <a class="button" href={to(["task-types"])}>
                Show all task types
              </a>
            </Empty>
          )
        }
      </Loaded>
    </Page>
  );
}

function Details({ type }: { readonly type: TaskType }) {
  const { timeout, retries, start, concurrency, rate, paused, input, result } = type;
  return (
    <>
      <Card title="Settings">
        <Facts
          of={[
            [
              "State",
              <Badge key="state" state={paused ? "paused" : "ok"} label={paused ? "paused" : "runs"} />,
            ],
            ["Timeout", timeout],
            ["Retries", retries],
            ["Start", start],
            ["Concurrency", concurrency ?? "unlimited"],
            ["Rate", rate ? `${rate.limit} per ${rate.period}` : "unlimited"],
            [
              "Tasks",
              <a key="tasks" href={to(["tasks"], { type: type.type })}>
                Show its tasks
              </a>,
            ],
          ]}
        />
      </Card>
      <div class="columns">
        <Card title="Try it">
          <TryForm type={type} />
        </Card>
        <Card title="Schema">
          <h3>Input</h3>
          <Json label="Schema of the input" value={input} />
          {result && (
            <>
              <h3>Result</h3>
              <Json label="Schema of the result" value={result} />
            </>
          )}
        </Card>
      </div>
    </>
  );
}
