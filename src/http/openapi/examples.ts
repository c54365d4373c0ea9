import { PROBLEMS, type ProblemCode } from "../../shared/problems.ts";

/** What the reference shows; a test holds each example to its schema. */

const GATEWAY = "https://ringback.example.com";
const id = "task_01kawv0m1ne0nvxf9dkb2jc5h0";
const deliveryId = "del_01kawv0m1ne0p86qyrcy9ba2z4";
const url = "https://shop.example.com/hooks";

const result = {
  rows: 3,
  groups: [
    { key: "north", amount: 42 },
    { key: "south", amount: 7 },
  ],
  html: "<table>…</table>",
};

const links = {
  self: `${GATEWAY}/v1/tasks/${id}`,
  result: `${GATEWAY}/v1/tasks/${id}/result`,
  events: `${GATEWAY}/v1/tasks/${id}/events`,
  cancel: `${GATEWAY}/v1/tasks/${id}/cancel`,
};

const accepted = {
  id,
  type: "report.generate",
  status: "queued",
  done: false,
  run: 1,
  sequence: 1,
  attempt: 0,
  maxAttempts: 4,
  createdAt: "2026-11-24T09:00:00.000Z",
  deadlineAt: "2026-11-24T09:15:00.000Z",
  metadata: { orderId: "o-1" },
  callback: { url, status: "pending", attempts: 0 },
  links,
};

const { callback: _callback, ...rest } = accepted;
const ended = {
  ...rest,
  status: "succeeded",
  done: true,
  sequence: 3,
  attempt: 1,
  startedAt: "2026-11-24T09:00:00.120Z",
  endedAt: "2026-11-24T09:00:00.480Z",
  resultExpiresAt: "2026-12-01T09:00:00.480Z",
  result,
};

const delivery = {
  id: deliveryId,
  taskId: id,
  eventId: "evt_01kawv0m1ne0qtrn9tkp0h7k2v",
  eventType: "task.succeeded",
  url,
  status: "delivered",
  createdAt: "2026-11-24T09:00:00.480Z",
  endedAt: "2026-11-24T09:00:00.560Z",
};

const attempts = [{ at: "2026-11-24T09:00:00.490Z", durationMs: 70, statusCode: 200, response: "ok" }];
const endpoint = {
  id: "ep_01kawv0m1ne0p86qyrcy9ba2z4",
  url,
  events: ["task.*"],
  headers: { "x-shop": "4711", authorization: "***" },
  metadata: { team: "orders" },
  format: "full",
  signatures: ["v1"],
  verified: true,
  verifiedAt: "2026-11-24T09:00:00.000Z",
  disabled: false,
  createdAt: "2026-11-24T08:59:00.000Z",
};
const project = { id: "prj_01kawtzq4je0a8yqh3n5v6w7x8", name: "shop" };
const key = {
  id: "key_01kawv06h9e0b9zrj4p6w7x8y9",
  project,
  scopes: ["tasks:write", "tasks:read"],
  createdAt: "2026-11-24T08:59:00.000Z",
};

/** Bodies of requests, by the name of their schema. */
export const requestExamples = {
  TaskRequest: {
    type: "report.generate",
    input: {
      csv: "region,amount\nnorth,40\nnorth,2\nsouth,7",
      groupBy: "region",
      aggregate: { amount: "sum" },
    },
    callbackUrl: url,
    deadline: "15m",
    metadata: { orderId: "o-1" },
  },
  BatchRequest: {
    tasks: [
      { type: "links.check", input: { urls: ["https://example.com"] }, idempotencyKey: "check-1" },
      { type: "links.check", input: {}, idempotencyKey: "check-2" },
    ],
  },
  BatchItem: { type: "links.check", input: { urls: ["https://example.com"] }, idempotencyKey: "check-1" },
  ProgressRequest: { percent: 40, message: "Frame 400 of 1000" },
  CompleteRequest: { result: { frames: 1000 } },
  FailRequest: { code: "out-of-memory", message: "The GPU ran out of memory.", retryable: true },
  EndpointRequest: {
    url,
    events: ["task.*"],
    headers: { "x-shop": "4711", authorization: "Bearer s3cret" },
    metadata: { team: "orders" },
  },
  EndpointPatch: { disabled: true, reason: "maintenance until Monday" },
  VerifyRequest: { verification: "challenge" },
  RecoverRequest: { since: "2026-11-24T00:00:00.000Z", dryRun: true },
  RotateRequest: { overlap: "24h" },
  SignaturesRequest: { signatures: ["v1", "v1a"] },
  ProjectRequest: { name: "shop" },
  LimitsRequest: { searchable: ["orderId"], rateLimit: 20, maxOpen: null },
  KeyRequest: { project: "shop", scopes: ["tasks:write", "tasks:read"] },
} as const;

/** Bodies of answers and callbacks, by the name of their shape. */
export const answerExamples = {
  Task: accepted,
  BatchAnswer: {
    data: [
      { status: 202, task: accepted },
      {
        status: 422,
        problem: {
          type: `${GATEWAY}/problems/invalid-request`,
          title: PROBLEMS["invalid-request"].title,
          status: 422,
          detail: "The input does not fit the task type.",
          code: "invalid-request",
          instance: `${GATEWAY}/v1/tasks/batch`,
          requestId: "5d1ad1b0-7f3c-4c1c-9d3e-0c9f5a1f1b52",
          errors: [{ pointer: "#/tasks/1/input/urls", detail: "is required" }],
        },
      },
    ],
  },
  TaskPage: { data: [accepted], nextCursor: null },
  Result: result,
  TimelinePage: {
    data: [
      { sequence: 1, at: "2026-11-24T09:00:00.000Z", run: 1, type: "task.created", actor: "client" },
      { sequence: 2, at: "2026-11-24T09:00:00.120Z", run: 1, type: "task.started", actor: "worker" },
      { sequence: 3, at: "2026-11-24T09:00:00.480Z", run: 1, type: "task.succeeded", actor: "worker" },
    ],
    nextCursor: null,
  },
  Delivery: { ...delivery, attempts },
  DeliveryPage: { data: [delivery], nextCursor: null },
  TaskEvent: {
    type: "task.succeeded",
    timestamp: "2026-11-24T09:00:00.480Z",
    data: { ...ended, project: project.id },
  },
  Heartbeat: { cancelRequested: false, deadlineAt: "2026-11-24T09:15:00.000Z" },
  ReportResult: { status: "succeeded", done: true },
  Completion: { accepted: true },
  Endpoint: endpoint,
  EndpointWithHealth: { ...endpoint, health: { failures: 0, circuit: "closed" } },
  Recovery: {
    dryRun: true,
    count: 1,
    recovered: 0,
    remaining: 1,
    pace: 10,
    deliveries: [delivery],
    nextCursor: null,
  },
  NewEndpoint: { ...endpoint, secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD" },
  EndpointPage: { data: [endpoint], nextCursor: null },
  TestAttempt: { eventId: "evt_01kawv0m1ne0qtrn9tkp0h7k2v", delivered: true, attempt: attempts[0] },
  Jwks: {
    keys: [
      {
        kty: "OKP",
        crv: "Ed25519",
        use: "sig",
        alg: "EdDSA",
        kid: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
      },
    ],
  },
  SigningSecret: {
    secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    previous: [],
    signatures: ["v1"],
  },
  Project: project,
  LimitedProject: { ...project, searchable: ["orderId"], rateLimit: 20, maxOpen: null },
  ProjectPage: { data: [project], nextCursor: null },
  SealedSecrets: { rotating: true, previousNeeded: true, data: [{ ...project, previous: 2, lost: 0 }] },
  Diagnosis: {
    ok: false,
    checks: [
      { name: "redis", ok: true, detail: "Redis answers and runs scripts." },
      {
        name: "queue-token",
        ok: false,
        detail: "QStash refuses QSTASH_TOKEN (401).",
        fix: "Copy QSTASH_TOKEN and QSTASH_URL from the same QStash account and region.",
      },
    ],
  },
  NewKey: { ...key, key: "rb_…" },
  KeyPage: { data: [key], nextCursor: null },
  Health: { status: "ok", version: "0.1.0" },
  Readiness: { redis: "ok", qstash: "ok", sweep: { lastAt: "2026-11-24T09:30:00.000Z" } },
} as const;

/** A problem of that code, as a client meets it. */
export function problemExample(code: ProblemCode, detail: string): Readonly<Record<string, unknown>> {
  const { status, title } = PROBLEMS[code];
  return {
    type: `${GATEWAY}/problems/${code}`,
    title,
    status,
    detail,
    code,
    instance: `${GATEWAY}/v1/tasks`,
    requestId: "5d1ad1b0-7f3c-4c1c-9d3e-0c9f5a1f1b52",
    ...(code === "invalid-request" && { errors: [{ pointer: "#/input", detail: "is required" }] }),
  };
}
