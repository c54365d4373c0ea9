import { useState } from "preact/hooks";
import { useResource } from "../../api/resource.ts";
import type { Stats } from "../../api/types.ts";
import { money, number } from "../../format.ts";
import { TextField } from "../../parts/field.tsx";
import { Card, Page } from "../../parts/page.tsx";
import { Loaded } from "../../parts/state.tsx";
import { Table } from "../../parts/table.tsx";
import { useOperator } from "../../session.ts";
import { type Cost, costOf, LIST_PRICES, type Prices, type Usage } from "./price.ts";

interface Assumptions {
  readonly callbacks: string;
  readonly attempts: string;
  readonly commands: string;
  readonly messages: string;
  readonly requests: string;
}

const USUAL: Assumptions = {
  callbacks: "1",
  attempts: "1",
  commands: `${LIST_PRICES.commands}`,
  messages: `${LIST_PRICES.messages}`,
  requests: `${LIST_PRICES.requests}`,
};

const amount = (text: string): number => Math.max(0, Number(text) || 0);

export function CostPage() {
  const { api } = useOperator();
  const [given, setGiven] = useState(USUAL);
  const stats = useResource("month", (signal) =>
    api.send<Stats>("/v1/stats", { query: { since: "30d", step: "1d" }, signal }),
  );
  const usage = { callbacks: amount(given.callbacks), attempts: Math.max(1, amount(given.attempts)) };
  const prices: Prices = {
    commands: amount(given.commands),
    messages: amount(given.messages),
    requests: amount(given.requests),
  };
  return (
    <Page
      title="Cost"
      about="What tasks cost at the services' list prices. Upstash bills every Redis command."
    >
      <div class="columns">
        <AssumptionsForm given={given} onChange={setGiven} />
        <Card title="Per 1,000 tasks">
          <CostTable usage={{ ...usage, tasks: 1_000 }} prices={prices} />
          <p class="faint">
            Lists, waits and live streams cost extra, and so does this console: an open page makes some reads
            a minute. Free allowances are not subtracted.
          </p>
        </Card>
      </div>
      <Card title="The last 30 days">
        <Loaded of={stats} lines={2}>
          {({ series }) => {
            const tasks = series.reduce((sum, slot) => sum + slot.accepted, 0);
            return (
              <>
                <p>
                  <strong>{number(tasks)}</strong> tasks were accepted.
                </p>
                <CostTable usage={{ ...usage, tasks }} prices={prices} />
              </>
            );
          }}
        </Loaded>
      </Card>
    </Page>
  );
}

interface FormProps {
  readonly given: Assumptions;
  readonly onChange: (given: Assumptions) => void;
}

function AssumptionsForm({ given, onChange }: FormProps) {
  const field = (name: keyof Assumptions, label: string, hint: string) => (
    <TextField
      label={label}
      hint={hint}
      type="number"
      step="any"
      value={given[name]}
      onChange={(value) => onChange({ ...given, [name]: value })}
    />
  );
  return (
    <Card title="Assumptions">
      <div class="fields">
        {field("callbacks", "Callbacks per task", "To callback URLs and endpoints together.")}
        {field("attempts", "Attempts on average", "1: nothing fails.")}
        {field("commands", "Price of 100,000 Redis commands, $", "Upstash, pay as you go.")}
        {field("messages", "Price of 100,000 QStash messages, $", "Upstash, pay as you go.")}
        {field("requests", "Price of 1,000,000 Worker requests, $", "Workers Paid, beyond what it includes.")}
      </div>
    </Card>
  );
}

function CostTable({ usage, prices }: { readonly usage: Usage; readonly prices: Prices }) {
  const cost: Cost = costOf(usage, prices);
  const rows = [
    ["Redis commands", cost.commands, (cost.commands * prices.commands) / 100_000],
    ["QStash messages", cost.messages, (cost.messages * prices.messages) / 100_000],
    ["Worker requests", cost.requests, (cost.requests * prices.requests) / 1_000_000],
  ] as const;
  return (
    <Table label="Cost" head={["Service", "Number", "Money"]}>
      {rows.map(([name, count, price]) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td>{number(Math.round(count))}</td>
          <td>{money(price)}</td>
        </tr>
      ))}
      <tr class="sum">
        <th scope="row">Together</th>
        <td />
        <td>{money(cost.money)}</td>
      </tr>
    </Table>
  );
}
