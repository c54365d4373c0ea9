import { SERVICE_METHODS } from "../../services/service.ts";

/** What the reference says beside what the declarations say themselves; a test holds that nothing is left unsaid. */

export const overview = `Ringback takes work that is too slow for a request: it answers \`202 Accepted\` at once, runs the work, keeps its
status and result, and calls a URL of yours when it is done.

A 202 is a promise: the task is kept, and it reaches a terminal status whatever then fails. Times are RFC 3339 in UTC,
durations are written \`500ms\`, \`10s\`, \`15m\`, \`24h\`, \`7d\`, and every address is absolute. Readers must tolerate fields,
events and statuses that they do not know. Every error is \`application/problem+json\` with a stable
\`code\` ([all codes](/problems)), and every answer carries \`X-Request-Id\`.`;

export const tags = {
  Tasks: "Submit work, look it up, fetch what came of it.",
  "Task tokens":
    "For whoever finishes a task later: report by the token that the handler was given, or post to its completion URL.",
  Services:
    "Any HTTP service that the deployer has configured, made asynchronous: the very request is queued, the service's answer is the result.",
  Deliveries: "Every callback, every attempt to make it, and a way to make it again.",
  Endpoints: "Receivers of all of a project's events, registered once.",
  Secrets: "What callbacks are signed with.",
  Administration: "Projects and their API keys, under the deployment's admin token.",
  Operations: "Health, this document, and pages for people.",
  Queue: "QStash's alone: every call is verified by its signature before anything of it is read.",
} as const;

/** Of every method that services are called with. */
const proxied =
  "`path` may have slashes and a query; it is refused unless it is in its normal form and under a path of the service. Passed on are the body as it is, common headers (`Accept`, `Accept-Language`, `Content-*`, `If-*`, `Range`), those that the service lists, and `Ringback-Forward-<name>` as `<name>` where the service takes it; never `Authorization`, cookies, or headers of the connection. The request becomes a task of the type `http.request`, and `errors` points into that: `#/input/path`, `#/callbackUrl`. 405 names the service's methods in `Allow`.";

/** By operation. */
export const operations: Readonly<Record<string, string>> = {
  submitTask:
    "Keeps the task and answers at once. When the answer is lost or is a 503, repeat the request with the same `Idempotency-Key`: there will be one task. The answer to a repetition is the task as it is then.",
  submitBatch:
    "Each item is judged, accepted or refused on its own, in order, as if it had been sent alone; `data` tells of each. With an `Idempotency-Key` in the header, items without one of their own are safe to repeat too. When no item is accepted the answer is a 422 whose `data` tells why.",
  listTasks:
    "A page may be short, even empty, and still have a next one: follow `nextCursor`, not the count.",
  getTask:
    "Never missing after its 202. While the task is not done, `Retry-After` says when looking again makes sense; with `If-None-Match` an unchanged task costs no body.",
  listTaskEvents:
    "Every change of the task's state, oldest first, with who made it. With `Accept: text/event-stream` each entry is an event (`id`: its sequence, `event`: its type, `data`: the entry), followed by those to come and by `task.progress` events; the stream ends after the end of the task, or after 60 seconds (`Prefer: wait=<seconds>`: earlier), and `Last-Event-ID` goes on without loss. 204: the task has ended, and everything was told.",
  createEventsToken:
    "For browsers, whose `EventSource` can send no API key: the token goes into the address. It lives for 5 minutes; a stream that is open goes on.",
  getTaskResult:
    "What the handler returned and nothing around it; with `raw` and for a task of the type `http.request`, what its service answered. A callback whose result was too large to send along links here with a token that needs no API key.",
  cancelTask:
    "Takes hold at once, whatever the task does: a running handler's signal aborts when its lease is next renewed, within 10 seconds, and what it brings later changes nothing. A task that is canceled already is answered as it is.",
  replayTask:
    "The same input and options, a new deadline, `run` one higher; events of the new run have new ids, what is still on its way of the old one stays as it was.",
  deleteTask:
    "With its input, results, timeline and deliveries; what had not been delivered yet never is. From then on it is not found.",
  reportProgress:
    "The newest is kept with the task, whatever its order; it counts as a heartbeat. Legal while the task is running or waiting.",
  reportHeartbeat:
    "Starts the clock of `heartbeatTimeout` anew. Legal while the task is running or waiting; the clock runs while it is waiting.",
  completeTask:
    "The task has succeeded, even when its handler has not returned yet. Told again, it changes nothing and is answered the same way.",
  failTask:
    "The attempt has failed: another one follows, if `retryable` (true unless given) and its budget allow. Told again, it changes nothing.",
  ...Object.fromEntries(SERVICE_METHODS.map((method) => [`proxy${method}`, proxied])),
  completeByUrl:
    "For a `webhook` field of somebody else's: no header is needed, and any JSON posted here, or none, becomes the result. A genuine address always answers 200, also when the task has ended: `accepted` says whether something was changed.",
  listDeliveries: "All of the project's, or one task's.",
  getDelivery: "With every attempt: when, how long, what the receiver answered, or why it failed.",
  redeliver:
    "The same event with the same id and body; its schedule starts anew, the first attempt goes out at once.",
  createEndpoint:
    "Its address is judged as every attempt will be. Nothing is sent to it before it is verified; what happens until then is kept as dead letters.",
  listEndpoints: "All of the project's.",
  getEndpoint: "Without its secret, and with its secret headers masked; and how its deliveries fare.",
  updateEndpoint:
    "A JSON Merge Patch (RFC 7396): members that are absent stay, `null` takes one away; headers and metadata are merged by name, and `***` leaves a header's value as it is. Another address has to be verified anew; to another origin no header goes along unless its value is in the same request, by a key with `secrets:read`. Enabling is always possible.",
  deleteEndpoint: "What is still on its way to it ends as dead letters.",
  verifyEndpoint:
    'Sends a signed `endpoint.verification` event whose `data.challenge` the receiver must repeat in its answer, as JSON `{"challenge": …}` or as plain text; or makes the handshake of the CloudEvents HTTP webhook specification.',
  testEndpoint: "Sends `endpoint.test` once, at once, and tells how it went.",
  recoverEndpoint:
    "Each goes out with its event id and body as they were, its schedule from the start, `pace` of them per second (the endpoint's rate, else 10). One call takes up to 1,000, oldest first; `nextCursor` as `cursor` goes on with the rest. `dryRun` tells how many there are, and shows 100.",
  getEndpointSecret: "Give it to a Standard Webhooks library (`standardwebhooks`, `svix`).",
  rotateEndpointSecret: "The old one signs along for `overlap`, so that the receiver has time to change.",
  rotateSigningSecret: "The old one signs along for `overlap`, so that receivers have time to change.",
  updateSigning:
    "`v1a` makes the project's Ed25519 key pair when it is first asked for: receivers then need no secret.",
  getPublicKeys: "The public half of the key pair behind signatures `v1a`. May be kept for 5 minutes.",
  getSigningSecret:
    "Give it to a Standard Webhooks library (`standardwebhooks`, `svix`) to verify callbacks. During a rotation the older ones sign along.",
  createProject: "Repeating it is safe: a project that is there stays as it is.",
  updateProject: "What is left out stays as it is. Takes effect with the next task that is submitted.",
  listProjects: "All of the deployment's, about 1,000 a page.",
  listEncryptedSecrets:
    "While `RINGBACK_PREVIOUS_MASTER_SECRET` is set, each sweep encrypts the secrets of some projects anew; no customer's secret or key changes by it. When `previousNeeded` is false, the previous one can go: all that then ends are task tokens and links which it has signed and which have not expired.",
  runDoctor:
    "Checks Redis, the clocks, QStash's token, whether what QStash sends arrives here and is well signed, the sweep, the master secret, the resolver, and the calls in flight; answers within 15 seconds. To check the way back it sends itself a probe through QStash, at most one a minute; else `queue-delivery` tells of the last, with its time.",
  createApiKey:
    "A project's name that is new makes the project. Redis keeps a hash, so the text cannot be shown again, except to a repetition under the same `Idempotency-Key`.",
  listApiKeys: "Without their texts, about 1,000 a page.",
  revokeApiKey: "Without `project` every project is searched for the key.",
  getHealth: "Asks nothing of what the gateway stands on.",
  getReadiness: "503 names what does not answer. The answer may be 5 seconds old.",
  getOpenApi: "The very document that this reference is made from.",
  getDocs:
    "This document as a page, with search and a form that sends requests. It loads nothing from another host.",
  getDocsScript: "`scalar.js` is the viewer (Scalar), `reference.js` its configuration.",
  listProblems: "For people.",
  getProblem: "For people: what happened, whose fault it is, what to do. A problem's `type` leads here.",
  runTask: "200 when the attempt is over, or is stale; 503 when it is under way or early.",
  deliverEvent: "200 when the attempt is over, or is stale; 503 when it is under way or early.",
  receiveServiceOutcome:
    "What became of a call that the queue made for a task of the type `http.request`. 200 also when it is stale; 503 when the task moved meanwhile.",
  receiveProbe: "Notes that it has arrived; the doctor looks for that note.",
  sweep: "Publishes again what got lost, ends leases and deadlines that ran out. Safe to call at any time.",
};

/** By operation and status, where the status does not say it. */
export const answers: Readonly<Record<string, string>> = {
  "submitTask 202": "Accepted: the task.",
  "submitTask 200": "With `Prefer: wait`: it has ended within the wait, well or badly.",
  "listTaskEvents 204": "For streams: the task has ended, and the client has every entry.",
  "createEventsToken 201": "Made.",
  "submitBatch 202": "At least one item was accepted.",
  ...Object.fromEntries(
    SERVICE_METHODS.flatMap((method) => [
      [
        `proxy${method} 200`,
        "With `Prefer: respond-async, wait=N`: it has ended within the wait, well or badly.",
      ],
      [`proxy${method} 202`, "Accepted: the task."],
    ]),
  ),
  "getTaskResult 200": "The result.",
  "getTaskResult default":
    "With `raw`: the service's answer as it was, also one that made the task fail. `Ringback-Service-Status` tells it from an answer of the gateway's own.",
  "getTaskResult 202": "Not done yet: the task.",
  "getTaskResult 204": "The task succeeded, and there is no result.",
  "cancelTask 200": "Canceled, now or before: the task.",
  "replayTask 202": "Accepted: the task with its new run.",
  "deleteTask 204": "Erased.",
  "redeliver 202": "On its way again: the delivery.",
  "recoverEndpoint 200": "A dry run: what would be sent.",
  "recoverEndpoint 202": "On their way again.",
  "createEndpoint 201": "Registered: the endpoint, with its secret.",
  "deleteEndpoint 204": "Forgotten.",
  "rotateEndpointSecret 200": "Rotated: the secrets now.",
  "rotateEndpointSecret 204": "Rotated; this key may not read secrets.",
  "rotateSigningSecret 200": "Rotated: the secrets now.",
  "rotateSigningSecret 204": "Rotated; this key may not read secrets.",
  "updateSigning 200": "Chosen: the secrets now.",
  "updateSigning 204": "Chosen; this key may not read secrets.",
  "createProject 200": "A project of that name exists: this one.",
  "createProject 201": "Made.",
  "createApiKey 201": "Made: the key, with its text.",
  "revokeApiKey 204": "Revoked.",
  "getReadiness 503": "At least one does not answer.",
};

export const statuses: Readonly<Record<number, string>> = {
  200: "As asked for.",
  304: "Nothing has changed since the `ETag` that was sent.",
};

const taskFields = {
  type: "The task type: one that this deployment offers.",
  input: "Any JSON that the task type accepts, `null` included.",
  callbackUrl:
    "Called when the task has ended, once per event in `callbackEvents`. Judged before the task is accepted; https unless the deployment says otherwise.",
  callbackEvents: "What to be called for; every terminal event unless given. Needs `callbackUrl`.",
  delay: "Start no earlier than so long from now, at most `365d`. Excludes `notBefore`.",
  notBefore: "Start no earlier than then, RFC 3339 with an offset, at most a year ahead. Excludes `delay`.",
  deadline:
    "From the moment at which the task may start, over all attempts: then it expires. At most `30d`; `24h` unless given.",
  timeout: "For one attempt, at most `10m`; the task type's own unless given.",
  heartbeatTimeout:
    "How long a waiting task may be silent before its attempt counts as failed, at most `30d`.",
  retries: "Attempts after the first; the task type's own, else 3.",
  concurrencyKey: "Tasks with the same key share a limit.",
  resultTtl:
    "How long result and input are kept after the end, at most `30d`; `7d` unless the deployment says otherwise.",
  metadata:
    "Up to 20 pairs; names up to 64 characters, values up to 512. They come back in every answer and callback.",
};

const endpointTexts = {
  url: "Where events go. Judged by itself and by what its name resolves to; https unless the deployment says otherwise.",
  events: "Names of events, `task.*`, or `*`; the ends of tasks unless given.",
  description: "What it is for.",
  headers:
    "Sent along with every event, at most 20. Not those of a connection, `Host`, `webhook-*`, `content-*` or `upstash-*`. Values of names that sound secret (`authorization`, `x-api-key`) are kept encrypted and never shown again.",
  metadata: "Up to 20 pairs for the client's own use.",
  retrySchedule:
    "Delays between attempts, at most 20 and 30 days in all: a list of durations, or `5s,30s,2m`. The deployment's unless given.",
  rateLimit: "Deliveries per second at most; the queue keeps it, on first attempts too.",
  format:
    "`full`: the whole task with its result; `thin`: ids, status and links; `cloudevents`: the whole as a CloudEvent.",
  signatures: "`v1`: HMAC-SHA256 with the endpoint's secret; `v1a`: Ed25519 with the project's key pair.",
  disabled: "Sent nothing; what happens meanwhile is kept as dead letters.",
  reason: "Why it is disabled.",
};

/** The fields of request bodies. */
export const fields: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  TaskRequest: taskFields,
  BatchItem: {
    ...taskFields,
    idempotencyKey: "What the header `Idempotency-Key` is to a single submit.",
  },
  BatchRequest: {
    tasks: "1 to 100 tasks; 4 MiB together, 1 MiB each, unless the deployment says otherwise.",
  },
  ProgressRequest: {
    percent: "How far the work is, 0 to 100.",
    message: "What it is doing, at most 500 characters.",
  },
  CompleteRequest: { result: "Any JSON; absent: the task succeeds with no result." },
  FailRequest: {
    code: "Stable and kebab-case: it becomes the task's `error.code`.",
    message: "One sentence for people.",
    retryable: "Whether another attempt may help; true unless given.",
  },
  EndpointRequest: endpointTexts,
  EndpointPatch: endpointTexts,
  RecoverRequest: {
    since: "Dead letters from this time on, 60 days back at most.",
    until: "And until then; now unless given.",
    dryRun: "Tell what would be sent, and send nothing.",
    pace: "Deliveries per second, 1 to 100.",
    cursor: "The `nextCursor` of the page before.",
  },
  VerifyRequest: { verification: "How the receiver proves that it wants events." },
  RotateRequest: { overlap: "How long the old secret signs along, `0s` to `7d`." },
  SignaturesRequest: {
    signatures: "`v1`: HMAC-SHA256 with the secret; `v1a`: Ed25519 with the project's key pair.",
  },
  LimitsRequest: {
    searchable:
      "At most 5 metadata keys; tasks that are accepted from then on are found by them. Replaces those before.",
    rateLimit: "Tasks per second, with a burst of one second's; null: what the deployment says.",
    maxOpen: "Tasks that have not ended; null: what the deployment says.",
  },
  ProjectRequest: { name: "The project's name." },
  KeyRequest: {
    project: "The project's name or id.",
    scopes:
      "What the key may do: `tasks:write`, `tasks:read`, `endpoints:write`, `endpoints:read`, `secrets:read`, `secrets:write`, `service:<name>`, or `admin`, which is all of them within the project.",
    name: "What it is for.",
    expiresIn: "After so long it stops working; never unless given.",
  },
};

interface Parameter {
  readonly description: string;
  /** Where the wire's type says less than the parameter means. */
  readonly schema?: Readonly<Record<string, unknown>>;
}

/** Path and query parameters, by name; an operation's own before the name's. */
export const parameters: Readonly<Record<string, Parameter>> = {
  id: { description: "The id, a TypeID." },
  "getDocsScript file": { description: "The script's file name.", schema: { type: "string" } },
  "getProblem code": { description: "The problem's code.", schema: { type: "string" } },
  "listTasks status": {
    description:
      "Only tasks of this status. `failed`, `canceled` and `expired` have indexes of their own; for the others tasks are looked through, 300 a page at most, so that pages may be short.",
  },
  "listTasks type": { description: "Only tasks of this type." },
  "listTasks metadata": {
    description:
      "Only tasks with this metadata, as `metadata[orderId]=o-1`, by keys that the project has named searchable.",
  },
  "listTasks createdAfter": { description: "Only tasks that were accepted later than then, RFC 3339." },
  "listTasks createdBefore": { description: "Only tasks that were accepted earlier than then, RFC 3339." },
  "getPublicKeys file": {
    description: "The project's id and `.json`.",
    schema: { type: "string", pattern: "^prj_[0-7][0-9a-hjkmnp-tv-z]{25}\\.json$" },
  },
  limit: {
    description: "How many items a page has at most.",
    schema: { type: "integer", minimum: 1, maximum: 100, default: 20 },
  },
  cursor: { description: "The `nextCursor` of the page before; opaque." },
  service: { description: "The service's name." },
  path: { description: "Where to call the service, below its base address; slashes are meant as such." },
  raw: {
    description:
      "The service's status, headers (the common ones and those that the service lists) and bytes. Results that no service answered with are shown as ever.",
  },
  include: { description: "Also show the input." },
  "receiveServiceOutcome project": { description: "Whose task it is." },
  "receiveServiceOutcome task": { description: "The task." },
  "receiveServiceOutcome run": { description: "Its run." },
  "receiveServiceOutcome attempt": { description: "The attempt that the call was made for." },
  "receiveServiceOutcome service": { description: "The service that was called." },
  "receiveServiceOutcome poll": { description: "Which poll was answered; absent for the call itself." },
  "completeByUrl token": { description: "The task token." },
  token: { description: "The token of a signed link, in place of an API key." },
  lastEventId: { description: "The same as `Last-Event-ID`, for clients that cannot send the header." },
  endpointId: { description: "Only deliveries to this endpoint; pages may be short." },
  taskId: { description: "Only this task's deliveries." },
  status: { description: "Only deliveries of this status." },
  project: { description: "The project's name or id." },
};
