import type { Route } from "../pipeline/route.ts";
import { adminRoutes } from "./admin.ts";
import { batchRoutes } from "./batch.ts";
import { deliveryRoutes } from "./deliveries.ts";
import { endpointRoutes } from "./endpoints.ts";
import { queueRoutes } from "./internal.ts";
import { liveRoutes } from "./live.ts";
import { operationRoutes } from "./operations.ts";
import { proxyRoutes } from "./proxy.ts";
import { reportRoutes } from "./report.ts";
import { resultRoutes } from "./result.ts";
import { secretRoutes } from "./secrets.ts";
import { type Assets, staticRoutes } from "./static.ts";
import { steeringRoutes } from "./steer.ts";
import { taskRoutes } from "./tasks.ts";

/** Every address of the gateway, in the order in which the reference shows them. */
export function routesOf(assets?: Assets): readonly Route[] {
  return [
    ...taskRoutes,
    ...batchRoutes,
    ...liveRoutes,
    ...resultRoutes,
    ...steeringRoutes,
    ...reportRoutes,
    ...proxyRoutes,
    ...deliveryRoutes,
    ...endpointRoutes,
    ...secretRoutes,
    ...adminRoutes,
    ...operationRoutes(),
    ...staticRoutes(assets),
    ...queueRoutes,
  ];
}
