import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { number } from "../format.ts";
import { Table } from "./table.tsx";

/** A row of a chart: its name, its colour (a variable of the style sheet), and a value per moment. */
export interface Row {
  readonly name: string;
  readonly color: string;
  readonly values: readonly number[];
}

interface ChartProps {
  readonly label: string;
  /** Moments, milliseconds. */
  readonly at: readonly number[];
  readonly rows: readonly Row[];
  readonly kind: "bars" | "line";
}

const HEIGHT = 200;

/** Each row on top of the rows before it, the uppermost first, because it is drawn first. */
export function stacked(rows: readonly Row[]): readonly Row[] {
  const sums: number[] = [];
  return rows
    .map((row) => {
      const values = row.values.map((value, index) => value + (sums[index] ?? 0));
      sums.splice(0, sums.length, ...values);
      return { ...row, values };
    })
    .reverse();
}

function draw(frame: HTMLElement, { at, rows, kind }: ChartProps): uPlot {
  // A canvas knows no variables: an element says what colour they are, light or dark.
  const color = (name: string): string => {
    frame.style.color = `var(${name})`;
    return getComputedStyle(frame).color;
  };
  const axis = {
    stroke: color("--faint"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  const bars = uPlot.paths.bars?.({ size: [0.7, 24], radius: 0.15 });
  const drawn = kind === "bars" ? stacked(rows) : rows;
  const data: uPlot.AlignedData = [at.map((time) => time / 1_000), ...drawn.map(({ values }) => [...values])];
  return new uPlot(
    {
      width: frame.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      axes: [
        { ...axis, space: 70 },
        {
          ...axis,
          size: 54,
          values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? number(tick) : "")),
        },
      ],
      scales: { y: { range: (_, _least, most) => [0, Math.max(most, 4)] } },
      series: [
        {},
        ...drawn.map(({ name, color: variable }) => ({
          label: name,
          stroke: color(variable),
          points: { show: false },
          ...(kind === "bars"
            ? { fill: color(variable), width: 0, ...(bars && { paths: bars }) }
            : { width: 2 }),
        })),
      ],
    },
    data,
    frame,
  );
}

/** A chart, and the same as a table for those who cannot see it. */
export function Chart(props: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    let plot = draw(element, props);
    const again = (): void => {
      plot.destroy();
      plot = draw(element, props);
    };
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    scheme.addEventListener("change", again);
    return () => {
      observer.disconnect();
      scheme.removeEventListener("change", again);
      plot.destroy();
    };
  }, [props]);
  return (
    <figure class="chart">
      <div ref={frame} aria-hidden="true" />
      <figcaption>
        {props.rows.map(({ name, color }) => (
          <span key={name} class="legend">
            <svg width="10" height="10" aria-hidden="true">
              <rect width="10" height="10" rx="2" class={`fill${color}`} />
            </svg>{" "}
            {name}
          </span>
        ))}
        <details>
          <summary>As a table</summary>
          <ChartTable {...props} />
        </details>
      </figcaption>
    </figure>
  );
}

function ChartTable({ label, at, rows }: ChartProps) {
  return (
    <Table label={label} head={["Time", ...rows.map(({ name }) => name)]}>
      {at.map((time, index) => (
        <tr key={time}>
          <th scope="row">{new Date(time).toLocaleString()}</th>
          {rows.map(({ name, values }) => (
            <td key={name}>{number(values[index] ?? 0)}</td>
          ))}
        </tr>
      ))}
    </Table>
  );
}
