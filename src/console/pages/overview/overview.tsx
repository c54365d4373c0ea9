import { useState } from "preact/hooks";
import { useResource } from "../../api/resource.ts";
import type { Stats } from "../../api/types.ts";
import { number, span } from "../../format.ts";
import { Choice } from "../../parts/field.tsx";
import { Page } from "../../parts/page.tsx";
import { Loaded } from "../../parts/state.tsx";
import { useNow } from "../../parts/time.tsx";
import { to } from "../../router.ts";
import { useOperator } from "../../session.ts";
import { Checks } from "./checks.tsx";
import { History } from "./history.tsx";
import { SickEndpoints } from "./sick-endpoints.tsx";
import { TypeHealth } from "./type-health.tsx";

const REFRESH = 10_000;

/** From this age on, a start that has not happened is a finding; the sweep looks once a minute. */
const LATE = 120_000;

const RANGES = [
  ["24h", "the last 24 hours"],
  ["7d", "the last 7 days"],
  ["30d", "the last 30 days"],
] as const;

export function OverviewPage() {
  const operator = useOperator();
  const { api, project, session, can } = operator;
  const [since, setSince] = useState("24h");
  const step = since === "24h" ? "1h" : "1d";
  const stats = useResource(
    can("tasks:read") ? `stats ${since}` : undefined,
    (signal) => api.send<Stats>("/v1/stats", { query: { since, step }, signal }),
    REFRESH,
  );
  const about =
    project === undefined ? "All projects together." : `Project ${operator.names.get(project) ?? project}.`;
  return (
    <Page
      title="Overview"
      about={about}
      actions={<Choice label="Charts show" value={since} onChange={setSince} choices={RANGES} />}
    >
      {can("tasks:read") && (
        <Loaded of={stats} lines={6}>
          {(value) => (
            <>
              <Figures stats={value} />
              <History stats={value} />
            </>
          )}
        </Loaded>
      )}
      <div class="columns">
        {can("tasks:read") && <TypeHealth />}
        {can("endpoints:read") && <SickEndpoints />}
      </div>
      {session.kind === "admin" && <Checks />}
    </Page>
  );
}

function Figures({ stats }: { readonly stats: Stats }) {
  const { tasks, deliveries } = stats;
  const about = tasks.exact ? undefined : "estimated";
  return (
    <ul class="figures">
      <Figure label="Open" value={number(tasks.open)} href={to(["tasks"])} note="not ended" />
      <Figure
        label="Queued"
        value={number(tasks.queued)}
        href={to(["tasks"], { status: "queued" })}
        note={about}
      />
      <Figure
        label="Running"
        value={number(tasks.running)}
        href={to(["tasks"], { status: "running" })}
        note={about}
      />
      <Figure
        label="Waiting"
        value={number(tasks.waiting)}
        href={to(["tasks"], { status: "waiting" })}
        note={about}
      />
      <Figure
        label="Scheduled"
        value={number(tasks.scheduled)}
        href={to(["tasks"], { status: "scheduled" })}
        note={about}
      />
      <Late at={stats.oldestWaitingAt} />
      <Figure
        label="Dead letters"
        value={number(deliveries.dead)}
        href={to(["dead-letters"])}
        bad={deliveries.dead > 0}
        note={deliveries.dead > 0 ? "callbacks given up" : "none"}
      />
      <Sweep at={stats.lastSweepAt} />
    </ul>
  );
}

interface FigureProps {
  readonly label: string;
  readonly value: string;
  readonly href?: string;
  readonly note?: string | undefined;
  readonly bad?: boolean;
}

function Figure({ label, value, href, note, bad }: FigureProps) {
  const content = (
    <>
      <span class="figure-label">{label}</span>
      <span class="figure-value">{value}</span>
      <span class="figure-note">{note ?? " "}</span>
    </>
  );
  return (
    <li class={bad ? "figure bad" : "figure"}>
      {href === undefined ? <div>{content}</div> : <a href={href}>{content}</a>}
    </li>
  );
}

/** The age of the oldest task that should have started. */
function Late({ at }: { readonly at: string | undefined }) {
  const now = useNow(5_000);
  if (at === undefined)
    return <Figure label="Oldest overdue start" value="–" note="every start is on time" />;
  const age = now - Date.parse(at);
  return (
    <Figure
      label="Oldest overdue start"
      value={span(age)}
      note={age > LATE ? "starts are held up: see the checks" : "as the last sweep saw it"}
      bad={age > LATE}
    />
  );
}

/** The sweep runs each minute, or as often as the deployment says. */
const SWEEP_MISSED = 5 * 60_000;

function Sweep({ at }: { readonly at: string | undefined }) {
  const now = useNow(5_000);
  const age = at === undefined ? Number.POSITIVE_INFINITY : now - Date.parse(at);
  const missed = age > SWEEP_MISSED;
  return (
    <Figure
      label="Last sweep"
      value={at === undefined ? "never" : `${span(age)} ago`}
      note={missed ? "lost messages are not replaced" : "replaces lost messages"}
      bad={missed}
    />
  );
}
