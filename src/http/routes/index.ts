import type { Route } from "../pipeline/route.ts";
import { apiKeyRoutes } from "./admin/api-keys.ts";
import { deploymentRoutes } from "./admin/deployment.ts";
import { projectRoutes } from "./admin/projects.ts";
import { batchRoutes } from "./batch.ts";
import { browserTokenRoutes } from "./browser-token.ts";
import { bulkRoutes } from "./bulk.ts";
import { consoleRoutes } from "./console.ts";
import { deliveryRoutes } from "./deliveries.ts";
import { documentRoutes } from "./document.ts";
import { endpointActions } from "./endpoints/actions.ts";
import { endpointRoutes } from "./endpoints/endpoints.ts";
import { endpointSecretRoutes, secretRoutes } from "./endpoints/secrets.ts";
import { figureRoutes } from "./figures.ts";
import { guideRoutes } from "./guides.ts";
import { queueRoutes } from "./internal.ts";
import { landingRoutes } from "./landing.ts";
import { liveRoutes } from "./live.ts";
import { taskOperationRoutes } from "./operation.ts";
import { operationRoutes } from "./operations.ts";
import { pauseRoutes } from "./pause.ts";
import { problemRoutes } from "./problems.ts";
import { proxyRoutes } from "./proxy.ts";
import { reportRoutes } from "./report.ts";
import { resultRoutes } from "./result.ts";
import { type Assets, staticRoutes } from "./static.ts";
import { steeringRoutes } from "./steer.ts";
import { taskTypeRoutes } from "./task-types.ts";
import { taskRoutes } from "./tasks.ts";

/** Every address of the gateway, in the order in which the reference shows them. */
export function routesOf(assets?: Assets): readonly Route[] {
  const routes: readonly Route[] = [
    ...taskRoutes,
    ...batchRoutes,
    ...bulkRoutes,
    ...taskOperationRoutes,
    ...resultRoutes,
    ...liveRoutes,
    ...browserTokenRoutes,
    ...steeringRoutes,
    ...pauseRoutes,
    ...taskTypeRoutes,
    ...reportRoutes,
    ...proxyRoutes,
    ...deliveryRoutes,
    ...endpointRoutes,
    ...endpointActions,
    ...endpointSecretRoutes,
    ...secretRoutes,
    ...projectRoutes,
    ...deploymentRoutes,
    ...apiKeyRoutes,
    ...figureRoutes(),
    ...landingRoutes,
    ...operationRoutes(),
    ...documentRoutes(() => routes),
    ...staticRoutes(assets),
    ...problemRoutes,
    ...guideRoutes(assets),
    ...consoleRoutes,
    ...queueRoutes,
  ];
  return routes;
}
