import { useState } from "preact/hooks";
import { useResource } from "../../api/resource.ts";
import type { Delivery, DeliverySummary, Page } from "../../api/types.ts";
import { counted, percent } from "../../format.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/page.tsx";
import { Empty, Loaded } from "../../parts/state.tsx";
import { Ago } from "../../parts/time.tsx";
import { to } from "../../router.ts";
import { useOperator } from "../../session.ts";
import { DeliveryEntry } from "../task/callbacks.tsx";

const LOOKED_AT = 100;

/** The share of the ended deliveries that their receiver took; undefined while none has ended. */
export function successRate(deliveries: readonly DeliverySummary[]): number | undefined {
  const ended = deliveries.filter(({ status }) => status !== "pending");
  if (ended.length === 0) return undefined;
  return ended.filter(({ status }) => status === "delivered").length / ended.length;
}

/** The newest deliveries to an endpoint; each opens to its attempts. */
export function EndpointDeliveries({ id }: { readonly id: string }) {
  const { api, can } = useOperator();
  const deliveries = useResource(
    can("tasks:read") ? `deliveries ${id}` : undefined,
    (signal) =>
      api.send<Page<DeliverySummary>>("/v1/deliveries", {
        query: { endpointId: id, limit: LOOKED_AT },
        signal,
      }),
    5_000,
  );
  if (!can("tasks:read")) return null;
  return (
    <Card title="Deliveries">
      <Loaded of={deliveries}>
        {({ data }) => {
          if (data.length === 0) {
            return (
              <Empty title="Nothing was sent to it yet.">
                <p>Send a test event, or wait for an event that it subscribes to.</p>
              </Empty>
            );
          }
          const rate = successRate(data);
          return (
            <>
              <p>
                Success rate {rate === undefined ? "unknown" : <strong>{percent(rate)}</strong>}{" "}
                <span class="faint">of the newest {counted(data.length, "delivery", "deliveries")}</span>
              </p>
              <Entries deliveries={data} />
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}

/** As many as fit on a screen; the others on demand. */
const FEW = 15;

function Entries({ deliveries }: { readonly deliveries: readonly DeliverySummary[] }) {
  const [all, setAll] = useState(false);
  return (
    <>
      <ul class="rows">
        {deliveries.slice(0, all ? LOOKED_AT : FEW).map((delivery) => (
          <Entry key={delivery.id} delivery={delivery} />
        ))}
      </ul>
      {!all && deliveries.length > FEW && (
        <Button onPress={() => setAll(true)}>Show {deliveries.length}</Button>
      )}
    </>
  );
}

function Entry({ delivery }: { readonly delivery: DeliverySummary }) {
  const [open, setOpen] = useState(false);
  const { id, status, eventType, taskId, createdAt } = delivery;
  return (
    <li class="block">
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <Badge state={status} /> {eventType} <Ago at={createdAt} />
        </summary>
        {open && <Whole id={id} />}
      </details>
      {taskId !== undefined && (
        <a class="id" href={to(["tasks", taskId])}>
          {taskId}
        </a>
      )}
    </li>
  );
}

/** A delivery with its attempts, read when it is opened. */
export function Whole({ id }: { readonly id: string }) {
  const { api } = useOperator();
  const delivery = useResource(`delivery ${id}`, (signal) =>
    api.send<Delivery>(`/v1/deliveries/${id}`, { signal }),
  );
  return (
    <Loaded of={delivery} lines={2}>
      {(whole) => (
        <ul class="deliveries">
          <DeliveryEntry delivery={whole} onChange={delivery.reload} />
        </ul>
      )}
    </Loaded>
  );
}
