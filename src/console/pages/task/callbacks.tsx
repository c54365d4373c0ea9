import { useAction } from "../../api/resource.ts";
import type { Attempt, Delivery } from "../../api/types.ts";
import { counted, span } from "../../format.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/page.tsx";
import { Empty, Failure } from "../../parts/state.tsx";
import { Text } from "../../parts/text.tsx";
import { Ago, At } from "../../parts/time.tsx";
import { to } from "../../router.ts";
import { obstacleTo, useOperator } from "../../session.ts";

interface CallbacksProps {
  readonly deliveries: readonly Delivery[];
  readonly onChange: () => void;
}

/** Every callback of a task, and each attempt at it with what the receiver answered. */
export function Callbacks({ deliveries, onChange }: CallbacksProps) {
  return (
    <Card title="Callbacks">
      {deliveries.length === 0 && (
        <Empty title="No callback.">
          <p>
            The task names no <code>callbackUrl</code> and no endpoint subscribes to its events, or it has not
            ended yet.
          </p>
        </Empty>
      )}
      <ul class="deliveries">
        {deliveries.map((delivery) => (
          <DeliveryEntry key={delivery.id} delivery={delivery} onChange={onChange} />
        ))}
      </ul>
    </Card>
  );
}

interface EntryProps {
  readonly delivery: Delivery;
  readonly onChange: () => void;
}

export function DeliveryEntry({ delivery, onChange }: EntryProps) {
  const operator = useOperator();
  const { id, url, status, eventType, endpointId, nextAttemptAt, reason, attempts } = delivery;
  const redeliver = useAction(async () => {
    await operator.api.send(`/v1/deliveries/${id}/redeliver`, { method: "POST" });
    onChange();
  });
  const pending = status === "pending" ? "It is still on its way." : undefined;
  return (
    <li>
      <div class="delivery-head">
        <Badge state={status} />
        <div>
          <code class="break">{url}</code>
          <p class="faint">
            {eventType}, {counted(attempts.length, "attempt")}
            {nextAttemptAt !== undefined && (
              <>
                , next <Ago at={nextAttemptAt} />
              </>
            )}
            {endpointId !== undefined && (
              <>
                , <a href={to(["endpoints", endpointId])}>endpoint</a>
              </>
            )}
          </p>
          {reason && <p class="faint">{reason.message}</p>}
        </div>
        <Button
          busy={redeliver.busy}
          obstacle={operator.can("tasks:write") ? pending : obstacleTo(operator, "tasks:write")}
          onPress={redeliver.run}
        >
          Redeliver
        </Button>
      </div>
      {redeliver.failure && <Failure failure={redeliver.failure} />}
      <Attempts attempts={attempts} />
    </li>
  );
}

/** Attempts, the newest first; it is open, because it is what most people look for. */
export function Attempts({ attempts }: { readonly attempts: readonly Attempt[] }) {
  return (
    <ol class="attempts" reversed>
      {attempts.toReversed().map((attempt, index) => (
        <li key={attempt.at} value={attempts.length - index}>
          <AttemptEntry attempt={attempt} number={attempts.length - index} newest={index === 0} />
        </li>
      ))}
    </ol>
  );
}

interface AttemptProps {
  readonly attempt: Attempt;
  readonly number: number;
  readonly newest: boolean;
}

export function AttemptEntry({ attempt, number, newest }: AttemptProps) {
  const { at, durationMs, statusCode, error, response } = attempt;
  return (
    <details open={newest}>
      <summary>
        <Badge state={error ? "failed" : "delivered"} label={`${statusCode ?? error?.code ?? "no answer"}`} />{" "}
        <At at={at} /> <span class="faint">took {span(durationMs)}</span>
      </summary>
      {error && (
        <p class="message">
          <code>{error.code}</code> {error.message}
        </p>
      )}
      {response !== undefined && response !== "" ? (
        <Text label={`What the receiver answered at attempt ${number}`} text={response} />
      ) : (
        <p class="faint">The receiver answered without a body.</p>
      )}
    </details>
  );
}
