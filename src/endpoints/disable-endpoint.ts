import type { DisableReason } from "../deliveries/send-webhook.ts";
import { type OperationalParts, operationalEvents } from "../events/operational-events.ts";
import type { NewDelivery } from "../ports/commands/delivery.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import { type ConfigureParts, configure } from "../projects/configure.ts";
import { system } from "../projects/principal.ts";
import { type Endpoint, findEndpoint, withEndpoint } from "../projects/project-config.ts";
import { type FlowParts, firstAttemptMessages } from "../scheduling/flow-control.ts";
import { type PublishParts, publishAll } from "../scheduling/publish.ts";
import { DISABLE_AFTER } from "../shared/limits.ts";
import { timestamp } from "../tasks/view.ts";

/** The parts that the disabling of an endpoint uses. */
export type DisableParts = OperationalParts &
  ConfigureParts &
  FlowParts &
  PublishParts &
  Pick<Dependencies, "log">;

/**
 * Whether an endpoint has had nothing but failures for so long that it is disabled.
 *
 * @param since its first failure after its last success, milliseconds
 * @param now Redis time
 */
export function hasFailedLong(endpoint: Endpoint, since: number | undefined, now: number): boolean {
  return since !== undefined && now - Math.max(since, endpoint.enabledAt ?? 0) >= DISABLE_AFTER;
}

/**
 * Disables an endpoint that still has the address at which this was learnt, and notifies the project's other endpoints.
 * Its later events are kept as dead letters.
 *
 * @throws StoreUnavailable
 */
export async function disableEndpoint(
  deps: DisableParts,
  project: string,
  { id, url }: Endpoint,
  reason: DisableReason | "failing",
): Promise<void> {
  let notices: readonly NewDelivery[] = [];
  let written = false;
  await configure(deps, system(project), { scope: "endpoints:write" }, async (config, now) => {
    const endpoint = findEndpoint(config, id);
    written = endpoint !== undefined && !endpoint.disabled && endpoint.url === url;
    if (!endpoint || !written) return { config, id, same: true };
    const data = { endpointId: id, url, reason, disabledAt: timestamp(now) };
    notices = operationalEvents(deps, project, config, {
      type: "endpoint.disabled",
      about: id,
      data,
      at: now,
    });
    const disabled = { ...endpoint, disabled: { reason, at: now } };
    return { config: withEndpoint(config, id, disabled), id, deliveries: notices };
  });
  if (!written) return;
  deps.log("warn", "endpoint-disabled", { project, endpoint: id, reason });
  await publishAll(deps, firstAttemptMessages(deps, project, notices));
}
