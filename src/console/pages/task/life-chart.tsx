import { useState } from "preact/hooks";
import type { Delivery, TimelineItem } from "../../api/types.ts";
import { span } from "../../format.ts";
import { Choice } from "../../parts/field.tsx";
import { Card } from "../../parts/page.tsx";
import { Table } from "../../parts/table.tsx";
import { At, useNow } from "../../parts/time.tsx";
import { type Axis, axisOf, deliveriesOf, deliveryLane, type Lane, runsIn, taskLane } from "./life.ts";

interface LifeProps {
  readonly timeline: readonly TimelineItem[];
  readonly deliveries: readonly Delivery[];
  /** Whether something still moves. */
  readonly moving: boolean;
}

/** Callbacks that are drawn; the others are in the list of callbacks. */
const LANES = 12;

/** How far labels must be apart: fewer have room on a phone. */
const labelSpace = (): number => (matchMedia("(max-width: 820px)").matches ? 0.3 : 0.14);

/** A task's life on a time axis, and the same as a list. */
export function Life({ timeline, deliveries, moving }: LifeProps) {
  const runs = runsIn(timeline);
  const newest = Math.max(1, ...runs.keys());
  const [picked, setPicked] = useState<number>();
  const run = picked ?? newest;
  const entries = runs.get(run) ?? [];
  const now = useNow(moving ? 1_000 : 3_600_000);
  const shown = deliveriesOf(deliveries, runs, run).slice(0, LANES);
  const lanes = [taskLane(entries, now), ...shown.map((delivery) => deliveryLane(delivery, now))];
  return (
    <Card
      title="Life"
      actions={
        runs.size > 1 && (
          <Choice
            label="Run"
            value={`${run}`}
            onChange={(value) => setPicked(Number(value))}
            choices={[...runs.keys()].map((one) => [
              `${one}`,
              one === newest ? `${one}, the newest` : `${one}`,
            ])}
          />
        )
      }
    >
      <Lanes lanes={lanes} axis={axisOf(lanes, labelSpace())} />
      <details>
        <summary>Every change of state</summary>
        <Entries entries={entries} />
      </details>
    </Card>
  );
}

/** Seen only: the list of changes and the list of callbacks say the same in words. */
function Lanes({ lanes, axis }: { readonly lanes: readonly Lane[]; readonly axis: Axis }) {
  const [first] = axis.ticks;
  return (
    <div class="life" aria-hidden="true">
      {lanes.map(({ id, name, stretches }) => (
        <div key={id} class="lane">
          <span class="lane-name" title={name}>
            {name}
          </span>
          <div class="track">
            {stretches.map(({ state, from, to, label, text }) => {
              const left = axis.place(from);
              return (
                <span
                  key={from}
                  class={`stretch ${state}`}
                  style={{ left: `${left * 100}%`, width: `${(axis.place(to) - left) * 100}%` }}
                  title={`${label}, ${span(to - from)}`}
                >
                  <span>{text}</span>
                </span>
              );
            })}
          </div>
        </div>
      ))}
      <div class="lane">
        <span class="lane-name faint">since its start</span>
        <div class="track axis">
          {axis.ticks.map(({ at, place }) => (
            <span key={at} class="tick" style={{ left: `${place * 100}%` }}>
              {at === first?.at ? "0" : `+${span(at - (first?.at ?? at))}`}
            </span>
          ))}
        </div>
      </div>
      <p class="faint">Long waits are drawn shorter than they were.</p>
    </div>
  );
}

function Entries({ entries }: { readonly entries: readonly TimelineItem[] }) {
  return (
    <Table label="Changes of state" head={["Time", "Change", "By", "Cause"]}>
      {entries.map(({ sequence, at, type, actor, cause }) => (
        <tr key={sequence}>
          <td>
            <At at={at} />
          </td>
          <th scope="row">{type}</th>
          <td>{actor}</td>
          <td>{cause ?? ""}</td>
        </tr>
      ))}
    </Table>
  );
}
