import type { Route } from "../pipeline/route.ts";
import { apiKeyRoutes } from "./admin/api-keys.ts";
import { deploymentRoutes } from "./admin/deployment.ts";
import { projectRoutes } from "./admin/projects.ts";
import { deliveryRoutes } from "./deliveries.ts";
import { endpointActions } from "./endpoints/actions.ts";
import { endpointRoutes } from "./endpoints/endpoints.ts";
import { endpointSecretRoutes, secretRoutes } from "./endpoints/secrets.ts";
import { figureRoutes } from "./figures.ts";
import { queueRoutes } from "./internal.ts";
import { operationRoutes } from "./operations.ts";
import { consoleRoutes } from "./pages/console.ts";
import { documentRoutes } from "./pages/document.ts";
import { guideRoutes } from "./pages/guides.ts";
import { landingRoutes } from "./pages/landing.ts";
import { problemRoutes } from "./pages/problems.ts";
import { type Assets, staticRoutes } from "./pages/static.ts";
import { pauseRoutes } from "./pause.ts";
import { proxyRoutes } from "./proxy.ts";
import { taskTypeRoutes } from "./task-types.ts";
import { batchRoutes } from "./tasks/batch.ts";
import { browserTokenRoutes } from "./tasks/browser-token.ts";
import { bulkRoutes } from "./tasks/bulk.ts";
import { liveRoutes } from "./tasks/live.ts";
import { taskOperationRoutes } from "./tasks/operation.ts";
import { reportRoutes } from "./tasks/report.ts";
import { resultRoutes } from "./tasks/result.ts";
import { steeringRoutes } from "./tasks/steer.ts";
import { taskRoutes } from "./tasks/tasks.ts";

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
