import { useMemo } from "preact/hooks";
import type { Stats } from "../../api/types.ts";
import { number, percent } from "../../format.ts";
import { Chart, type Row } from "../../parts/chart.tsx";
import { Card } from "../../parts/page.tsx";
import { Empty } from "../../parts/state.tsx";
import { to } from "../../router.ts";

const OUTCOMES = [
  ["succeeded", "--good"],
  ["failed", "--bad"],
  ["expired", "--warn"],
  ["canceled", "--dull"],
] as const;

/** The accepted tasks, their ends, and the callbacks that were given up, over time. */
export function History({ stats }: { readonly stats: Stats }) {
  const { series, totals } = stats;
  const charts = useMemo(() => {
    const at = series.map((slot) => Date.parse(slot.at));
    const row = (name: "accepted" | "dead", color: string): Row => ({
      name,
      color,
      values: series.map((slot) => slot[name]),
    });
    return {
      outcomes: {
        at,
        kind: "bars" as const,
        label: "Ends of tasks",
        rows: OUTCOMES.map(([name, color]) => ({ name, color, values: series.map((slot) => slot[name]) })),
      },
      flow: {
        at,
        kind: "line" as const,
        label: "Accepted tasks and dead letters",
        rows: [row("accepted", "--accent"), row("dead", "--bad")],
      },
    };
  }, [series]);
  const ended = totals.succeeded + totals.failed + totals.canceled + totals.expired;
  if (totals.accepted === 0) return <FirstTask />;
  return (
    <div class="columns">
      <Card title="How tasks ended">
        <Chart {...charts.outcomes} />
        <p class="faint">
          In all {number(ended)} ended, {percent(ended === 0 ? 0 : totals.failed / ended)} of them{" "}
          <a href={to(["tasks"], { status: "failed" })}>failed</a>.
        </p>
      </Card>
      <Card title="Accepted, and callbacks given up">
        <Chart {...charts.flow} />
        <p class="faint">In all {number(totals.accepted)} were accepted.</p>
      </Card>
    </div>
  );
}

function FirstTask() {
  return (
    <Card title="No task yet">
      <Empty title="Nothing was submitted so far.">
        <p>Try a task type with a form, or send a request with an API key.</p>
        <a class="button primary" href={to(["task-types"])}>
          Try a task type
        </a>
      </Empty>
    </Card>
  );
}
