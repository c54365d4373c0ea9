import { useState } from "preact/hooks";
import type { Api } from "../../api/request.ts";
import { useResource } from "../../api/resource.ts";
import type { DeliverySummary, Page as ListPage } from "../../api/types.ts";
import { counted, number } from "../../format.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { TextField } from "../../parts/field.tsx";
import { Card, Page } from "../../parts/page.tsx";
import { Empty, Loaded } from "../../parts/state.tsx";
import { Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/time.tsx";
import { go, to } from "../../router.ts";
import { obstacleTo, useOperator } from "../../session.ts";
import { Whole } from "../endpoints/deliveries.tsx";
import { type Group, groupsOf } from "./groups.ts";
import { RedeliverDialog } from "./redeliver.tsx";

const PAGE_SIZE = 100;
const MOST_PAGES = 10;

interface Letters {
  readonly data: readonly DeliverySummary[];
  readonly more: boolean;
}

/** The newest dead letters, as many as can be grouped at a time. */
async function readLetters(api: Api, errorCode: string | undefined, signal: AbortSignal): Promise<Letters> {
  const data: DeliverySummary[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const query = { status: "dead", limit: PAGE_SIZE, errorCode, cursor };
    const answer = await api.send<ListPage<DeliverySummary>>("/v1/deliveries", { query, signal });
    data.push(...answer.data);
    if (answer.nextCursor === null) return { data, more: false };
    cursor = answer.nextCursor;
  }
  return { data, more: true };
}

export function DeadLettersPage({ query }: { readonly query: Readonly<Record<string, string>> }) {
  const { api } = useOperator();
  const { errorCode = "" } = query;
  const [typed, setTyped] = useState(errorCode);
  const [picked, pick] = useState<Group>();
  const letters = useResource(
    `dead ${errorCode}`,
    (signal) => readLetters(api, errorCode || undefined, signal),
    30_000,
  );
  return (
    <Page title="Dead letters" about="Callbacks whose every attempt failed. They can be sent again.">
      <form
        class="filter"
        aria-label="Filter"
        onSubmit={(event) => {
          event.preventDefault();
          go(to(["dead-letters"], { errorCode: typed.trim() }), true);
        }}
      >
        <TextField
          label="Error code"
          value={typed}
          onChange={setTyped}
          placeholder="http-5xx"
          suggestions={CODES}
        />
        <div class="actions">
          <Button submit>Apply</Button>
        </div>
      </form>
      <Loaded of={letters}>
        {({ data, more }) =>
          data.length === 0 ? (
            <Empty title="No dead letters.">
              <p>
                {errorCode === ""
                  ? "Every callback arrived, or is still tried."
                  : "None has this error code."}
              </p>
            </Empty>
          ) : (
            <>
              <p class="faint">
                {more
                  ? `The newest ${number(data.length)}.`
                  : `${counted(data.length, "dead letter")} in all.`}
              </p>
              <Groups groups={groupsOf(data)} onPick={pick} />
              <Newest letters={data.slice(0, 50)} />
            </>
          )
        }
      </Loaded>
      {picked && (
        <RedeliverDialog
          group={picked}
          onClose={() => {
            pick(undefined);
            letters.reload();
          }}
        />
      )}
    </Page>
  );
}

const CODES = [
  "http-5xx",
  "http-4xx",
  "timeout",
  "connect-failed",
  "dns-failed",
  "tls-failed",
  "gone",
  "endpoint-disabled",
];

function Groups({
  groups,
  onPick,
}: {
  readonly groups: readonly Group[];
  readonly onPick: (group: Group) => void;
}) {
  const operator = useOperator();
  const obstacle = obstacleTo(operator, "tasks:write");
  return (
    <Card title="By reason and receiver">
      <Table label="Groups" head={["Reason", "Receiver", "Dead letters", "Newest", "Action"]}>
        {groups.map((group) => (
          <tr key={group.key}>
            <td>
              <Badge state="dead" label={group.code} />
            </td>
            <th scope="row">
              {group.endpointId === undefined ? (
                group.receiver
              ) : (
                <a href={to(["endpoints", group.endpointId])}>{group.receiver}</a>
              )}
            </th>
            <td>{number(group.letters.length)}</td>
            <td>
              <Ago at={group.letters[0]?.createdAt} />
            </td>
            <td>
              <Button
                obstacle={obstacle}
                onPress={() => onPick(group)}
                about={`${group.code} to ${group.receiver}`}
              >
                Redeliver…
              </Button>
            </td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}

function Newest({ letters }: { readonly letters: readonly DeliverySummary[] }) {
  return (
    <Card title="Newest">
      <ul class="rows">
        {letters.map((letter) => (
          <Letter key={letter.id} letter={letter} />
        ))}
      </ul>
    </Card>
  );
}

function Letter({
  letter: { id, taskId, eventType, url, createdAt, lastError, project },
}: {
  readonly letter: DeliverySummary;
}) {
  const [open, setOpen] = useState(false);
  return (
    <li class="block">
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <Badge state="dead" label={lastError?.code ?? "dead"} /> {eventType} to{" "}
          <span class="break">{url}</span> <Ago at={createdAt} />
        </summary>
        {open && <Whole id={id} />}
      </details>
      {taskId !== undefined && (
        <a class="id" href={to(["tasks", taskId], { project })}>
          {taskId}
        </a>
      )}
    </li>
  );
}
