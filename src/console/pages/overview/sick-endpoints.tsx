import { useResource } from "../../api/resource.ts";
import type { ListedEndpoint, Page } from "../../api/types.ts";
import { counted } from "../../format.ts";
import { Badge } from "../../parts/badge.tsx";
import { Card } from "../../parts/page.tsx";
import { Empty, Loaded } from "../../parts/state.tsx";
import { At } from "../../parts/time.tsx";
import { to } from "../../router.ts";
import { useOperator } from "../../session.ts";
import { conditionOf } from "../endpoints/condition.ts";

/** Endpoints whose receivers need somebody. */
export function SickEndpoints() {
  const { api } = useOperator();
  const endpoints = useResource(
    "endpoints",
    (signal) => api.send<Page<ListedEndpoint>>("/v1/endpoints", { query: { limit: 100 }, signal }),
    15_000,
  );
  return (
    <Card title="Endpoints">
      <Loaded of={endpoints} lines={3}>
        {({ data }) => {
          const sick = data.filter((endpoint) => conditionOf(endpoint).state !== "healthy");
          if (data.length === 0) {
            return (
              <Empty title="No endpoint is registered.">
                <a class="button" href={to(["endpoints"])}>
                  Register one
                </a>
              </Empty>
            );
          }
          if (sick.length === 0) return <p>{counted(data.length, "endpoint")}, all healthy.</p>;
          return (
            <ul class="rows">
              {sick.map((endpoint) => (
                <Sick key={endpoint.id} endpoint={endpoint} />
              ))}
            </ul>
          );
        }}
      </Loaded>
    </Card>
  );
}

function Sick({ endpoint }: { readonly endpoint: ListedEndpoint }) {
  const { state, why, since } = conditionOf(endpoint);
  return (
    <li>
      <Badge state={state} />
      <div>
        <a class="break" href={to(["endpoints", endpoint.id], { project: endpoint.project })}>
          {endpoint.url}
        </a>
        <p class="faint">
          {why}
          {since !== undefined && (
            <>
              {" "}
              since <At at={since} />
            </>
          )}
        </p>
      </div>
    </li>
  );
}
