import type { Resource } from "../../api/resource.ts";
import { useAction } from "../../api/resource.ts";
import type { Task } from "../../api/types.ts";
import { span } from "../../format.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button, Copy } from "../../parts/button.tsx";
import { ErrorPage } from "../../parts/error-page.tsx";
import { Card, Page } from "../../parts/page.tsx";
import { Failure, Loaded } from "../../parts/state.tsx";
import { Facts } from "../../parts/table.tsx";
import { Json } from "../../parts/text.tsx";
import { Ago, At } from "../../parts/time.tsx";
import { to } from "../../router.ts";
import { obstacleTo, useOperator } from "../../session.ts";
import { Callbacks } from "./callbacks.tsx";
import { curlOf } from "./curl.ts";
import { Life } from "./life-chart.tsx";
import { type TaskDetail, useTaskDetail } from "./read.ts";

export function TaskPage({ id }: { readonly id: string }) {
  const detail = useTaskDetail(id);
  const task = detail.value?.task;
  return (
    <Page
      title="Task"
      about={
        <>
          <code class="break">{id}</code> <Copy text={id} label="Copy id" />
        </>
      }
      actions={task && <TaskActions task={task} detail={detail} />}
    >
      <Loaded of={detail} lines={8}>
        {({ task: shown, timeline, deliveries }) => (
          <>
            <Summary task={shown} />
            <Outcome task={shown} />
            <Life
              timeline={timeline}
              deliveries={deliveries}
              moving={!shown.done || deliveries.some(({ status }) => status === "pending")}
            />
            <div class="columns">
              <Card title="Input">
                {shown.input === undefined ? (
                  <p class="faint">The input is not kept any more.</p>
                ) : (
                  <Json label="Input" value={shown.input} />
                )}
              </Card>
              <Result task={shown} />
            </div>
            <Callbacks deliveries={deliveries} onChange={detail.reload} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function TaskActions({ task, detail }: { readonly task: Task; readonly detail: Resource<TaskDetail> }) {
  const operator = useOperator();
  const { api, session } = operator;
  const steer = (verb: "cancel" | "replay") => async (): Promise<void> => {
    try {
      await api.send(`/v1/tasks/${task.id}/${verb}`, { method: "POST" });
    } finally {
      detail.reload();
    }
  };
  const cancel = useAction(steer("cancel"));
  const replay = useAction(steer("replay"));
  const obstacle = operator.can("tasks:write") ? undefined : obstacleTo(operator, "tasks:write");
  const failure = cancel.failure ?? replay.failure;
  return (
    <>
      {failure && <Failure failure={failure} />}
      <Copy text={curlOf(session.url, task)} label="Copy as curl" kind="plain" />
      <Button
        kind="danger"
        busy={cancel.busy}
        obstacle={obstacle ?? (task.done ? "It has ended." : undefined)}
        onPress={cancel.run}
      >
        Cancel
      </Button>
      <Button
        kind="primary"
        busy={replay.busy}
        obstacle={obstacle ?? (task.done ? undefined : "It has not ended.")}
        onPress={replay.run}
      >
        Replay
      </Button>
    </>
  );
}

function Summary({ task }: { readonly task: TaskDetail["task"] }) {
  const {
    type,
    status,
    run,
    attempt,
    maxAttempts,
    createdAt,
    startedAt,
    endedAt,
    deadlineAt,
    metadata,
    paused,
  } = task;
  const pairs = Object.entries(metadata);
  const took = startedAt && endedAt ? span(Date.parse(endedAt) - Date.parse(startedAt)) : undefined;
  return (
    <Card title="Summary">
      <Facts
        of={[
          [
            "Status",
            <span key="status" role="status">
              <Badge state={status} /> {paused && <Badge state="paused" />}
            </span>,
          ],
          [
            "Type",
            <a key="type" href={to(["tasks"], { type })}>
              {type}
            </a>,
          ],
          ["Run", run],
          ["Attempt", `${attempt} of ${maxAttempts}`],
          ["Accepted", <At key="created" at={createdAt} />],
          ["Started", startedAt ? <At key="started" at={startedAt} /> : "not yet"],
          [
            "Ended",
            endedAt ? (
              <At key="ended" at={endedAt} />
            ) : (
              <span key="left">
                expires <Ago at={deadlineAt} />
              </span>
            ),
          ],
          ["Took", took ?? "–"],
        ]}
      />
      {pairs.length > 0 && (
        <p class="pairs">
          {pairs.map(([name, value]) => (
            <a
              key={name}
              href={to(["tasks"], { metadata: `${name}=${value}` })}
              title="Find tasks with the same"
            >
              {name}={value}
            </a>
          ))}
        </p>
      )}
    </Card>
  );
}

/** How far it is, and why it failed. */
function Outcome({ task: { progress, done, error } }: { readonly task: Task }) {
  return (
    <>
      {progress && !done && (
        <Card title="Progress">
          <progress aria-label="Progress" max={100} value={progress.percent ?? 0} />
          <p role="status">
            {progress.percent !== undefined && `${progress.percent} % `}
            {progress.message}
          </p>
        </Card>
      )}
      {error && (
        <Card title={done ? "Error" : "Why the last attempt failed"}>
          <TaskError error={error} />
        </Card>
      )}
    </>
  );
}

function TaskError({ error }: { readonly error: NonNullable<Task["error"]> }) {
  const { code, message, retryable, lastFailure } = error;
  return (
    <>
      <p>
        <Badge state="failed" label={code} />{" "}
        <span class="faint">
          {retryable ? "another attempt could have helped" : "another attempt would not have helped"}
        </span>
      </p>
      <p class="message">{message}</p>
      {lastFailure && (
        <p class="message">
          Attempt {lastFailure.attempt} failed before: <code>{lastFailure.code}</code> {lastFailure.message}
        </p>
      )}
      <ErrorPage />
    </>
  );
}

function Result({ task }: { readonly task: Task }) {
  return (
    <Card title="Result">
      {task.result === undefined ? (
        <p class="faint">{whyNone(task)}</p>
      ) : (
        <Json label="Result" value={task.result} />
      )}
    </Card>
  );
}

function whyNone({ done, status }: Task): string {
  if (!done) return "There is none yet.";
  if (status === "succeeded") return "It returned nothing, or it is not kept any more.";
  return `A task that ends as ${status} has none.`;
}
