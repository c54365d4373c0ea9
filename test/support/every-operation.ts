import { SERVICE } from "./shared-stack.ts";

/** What requests for every operation speak of. */
export interface Things {
  readonly task: string;
  readonly delivery: string;
  readonly endpoint: string;
  readonly key: string;
  readonly project: string;
  /** A completion URL's own part. */
  readonly taskToken: string;
  /** Where a receiver listens. */
  readonly url: string;
}

export interface Wanted {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * A request that fits, for every operation of the document, by its `operationId`: whoever adds a route adds its line
 * here, and with it the route is in every matrix of the attackers' tests.
 */
export function everyOperation(things: Things): Readonly<Record<string, Wanted>> {
  const { task, delivery, endpoint, key, project, taskToken, url } = things;
  const proxied = { path: `/v1/proxy/${SERVICE}/v1/orders`, headers: { prefer: "respond-async" } };
  const echo = { type: "diagnostics.echo", input: 1 };
  return {
    submitTask: { method: "POST", path: "/v1/tasks", body: echo },
    listTasks: { method: "GET", path: "/v1/tasks" },
    getTask: { method: "GET", path: `/v1/tasks/${task}?include=input` },
    deleteTask: { method: "DELETE", path: `/v1/tasks/${task}` },
    submitBatch: { method: "POST", path: "/v1/tasks/batch", body: { tasks: [echo] } },
    listTaskEvents: { method: "GET", path: `/v1/tasks/${task}/events` },
    createEventsToken: { method: "POST", path: `/v1/tasks/${task}/events-token` },
    getTaskResult: { method: "GET", path: `/v1/tasks/${task}/result` },
    cancelTask: { method: "POST", path: `/v1/tasks/${task}/cancel` },
    replayTask: { method: "POST", path: `/v1/tasks/${task}/replay` },
    reportProgress: { method: "POST", path: `/v1/tasks/${task}/progress`, body: { percent: 1 } },
    reportHeartbeat: { method: "POST", path: `/v1/tasks/${task}/heartbeat` },
    completeTask: { method: "POST", path: `/v1/tasks/${task}/complete`, body: { result: "forged" } },
    failTask: {
      method: "POST",
      path: `/v1/tasks/${task}/fail`,
      body: { code: "forged", message: "Forged." },
    },
    proxyGET: { method: "GET", ...proxied },
    proxyPOST: { method: "POST", ...proxied },
    proxyPUT: { method: "PUT", ...proxied },
    proxyPATCH: { method: "PATCH", ...proxied },
    proxyDELETE: { method: "DELETE", ...proxied },
    completeByUrl: { method: "POST", path: `/v1/complete/${taskToken}`, body: "forged" },
    listDeliveries: { method: "GET", path: `/v1/deliveries?taskId=${task}` },
    getDelivery: { method: "GET", path: `/v1/deliveries/${delivery}` },
    redeliver: { method: "POST", path: `/v1/deliveries/${delivery}/redeliver` },
    createEndpoint: { method: "POST", path: "/v1/endpoints", body: { url, events: ["task.*"] } },
    listEndpoints: { method: "GET", path: "/v1/endpoints" },
    getEndpoint: { method: "GET", path: `/v1/endpoints/${endpoint}` },
    updateEndpoint: { method: "PATCH", path: `/v1/endpoints/${endpoint}`, body: { description: "changed" } },
    deleteEndpoint: { method: "DELETE", path: `/v1/endpoints/${endpoint}` },
    verifyEndpoint: { method: "POST", path: `/v1/endpoints/${endpoint}/verify` },
    testEndpoint: { method: "POST", path: `/v1/endpoints/${endpoint}/test` },
    recoverEndpoint: {
      method: "POST",
      path: `/v1/endpoints/${endpoint}/recover`,
      body: { since: "2026-01-01T00:00:00Z" },
    },
    getEndpointSecret: { method: "GET", path: `/v1/endpoints/${endpoint}/secret` },
    rotateEndpointSecret: { method: "POST", path: `/v1/endpoints/${endpoint}/rotate-secret` },
    getSigningSecret: { method: "GET", path: "/v1/signing-secret" },
    updateSigning: { method: "PATCH", path: "/v1/signing-secret", body: { signatures: ["v1"] } },
    rotateSigningSecret: { method: "POST", path: "/v1/signing-secret/rotate" },
    getPublicKeys: { method: "GET", path: `/jwks/${project}.json` },
    createProject: { method: "POST", path: "/admin/projects", body: { name: `made-${project}` } },
    listProjects: { method: "GET", path: "/admin/projects" },
    updateProject: { method: "PATCH", path: `/admin/projects/${project}`, body: { rateLimit: 1 } },
    listEncryptedSecrets: { method: "GET", path: "/admin/secrets" },
    runDoctor: { method: "POST", path: "/admin/doctor" },
    createApiKey: { method: "POST", path: "/admin/keys", body: { project } },
    listApiKeys: { method: "GET", path: `/admin/keys?project=${project}` },
    revokeApiKey: { method: "DELETE", path: `/admin/keys/${key}?project=${project}` },
    getHealth: { method: "GET", path: "/healthz" },
    getReadiness: { method: "GET", path: "/readyz" },
    getOpenApi: { method: "GET", path: "/openapi.json" },
    getDocs: { method: "GET", path: "/docs" },
    getDocsScript: { method: "GET", path: "/docs/reference.js" },
    listProblems: { method: "GET", path: "/problems" },
    getProblem: { method: "GET", path: "/problems/not-found" },
    runTask: { method: "POST", path: "/internal/run", body: { v: 1, project, task, run: 1, attempt: 1 } },
    deliverEvent: {
      method: "POST",
      path: "/internal/deliver",
      body: { v: 1, project, delivery, attempt: 2 },
    },
    receiveServiceOutcome: {
      method: "POST",
      path: `/internal/outcome?project=${project}&task=${task}&run=1&attempt=1&service=shop`,
      body: { status: 200, body: btoa("forged"), sourceMessageId: "msg_forged", url: "http://127.0.0.1/v1/" },
    },
    receiveProbe: { method: "POST", path: "/internal/probe", body: { v: 1, nonce: "rbp_forged" } },
    sweep: { method: "POST", path: "/internal/sweep", body: { v: 1 } },
  };
}
