import type { Break } from "./breaks.ts";

/** What breaks the promises about callbacks. */
export const callbackBreaks: readonly Break[] = [
  {
    name: "tells-too-early",
    what: "callbacks are sent before the end is written",
    patches: [
      {
        file: "src/tasks/run/finish-task.ts",
        find: "    const answer = await deps.store.end(command)",
        replace: `    const { sendOpened } = await import("../../deliveries/first-attempts.ts");
    const early = openedOf(deliveries, new Map());
    await sendOpened(deps, record.project, early, { config, now: endedAt });
    const answer = await deps.store.end(command)`,
      },
    ],
    caughtBy: ["nothing is told before it is so"],
  },
  {
    name: "id-per-target",
    what: "each endpoint is told of an event under an id of its own",
    patches: [
      {
        file: "src/events/fan-out.ts",
        find: "    endpointId: endpoint.id,\n",
        replace: `    eventId: (await deliveryIdOf(event, endpoint.id)).replace("del_", "evt_"),
    endpointId: endpoint.id,\n`,
      },
    ],
    caughtBy: ["an event has one id"],
  },
  {
    name: "thawed-body",
    what: "a callback's body is written anew for each attempt",
    patches: [
      {
        file: "src/deliveries/send-webhook.ts",
        find: "  const startedAt = time();\n",
        replace:
          "  const startedAt = time();\n  webhook = { ...webhook, body: `${webhook.body} ` + ' '.repeat(startedAt % 7) };\n",
      },
    ],
    caughtBy: ["a body is the same on every attempt"],
  },
  {
    name: "foreign-secret",
    what: "callbacks are signed with a secret that the receiver does not have",
    patches: [
      {
        file: "src/deliveries/send-webhook.ts",
        find: "await deps.sign(secrets, webhook.eventId, sentAt, webhook.body)",
        replace: "await deps.sign(secrets, webhook.eventId, sentAt + 1, webhook.body)",
      },
    ],
    caughtBy: ["every callback is signed"],
  },
  {
    name: "callback-alone",
    what: "an end is told to the callback URL alone, and not to the endpoints",
    patches: [
      {
        file: "src/tasks/run/finish-task.ts",
        find: 'const deliveries = authority.by === "lease" ? leased(deps, made) : made;',
        replace:
          'const deliveries = (authority.by === "lease" ? leased(deps, made) : made).filter((one) => !one.endpointId);',
      },
    ],
    caughtBy: ["an event that was asked for ends delivered or dead"],
  },
  {
    name: "gives-up-silently",
    what: "an attempt that failed is neither tried again nor a dead letter",
    patches: [
      {
        file: "src/adapters/redis/deliveries/deliver.ts",
        find: "redis.call('ZADD', due, ms(look), a.member)",
        replace: "redis.call('ZREM', due, a.member)",
      },
      {
        file: "src/deliveries/deliver.ts",
        find: '  if (outcome.kind !== "retry") return;',
        replace: "  return;",
      },
    ],
    caughtBy: ["no delivery is left on its way"],
  },
  {
    name: "wishful",
    what: "an attempt that nobody answered counts as delivered",
    patches: [
      {
        file: "src/deliveries/send-webhook.ts",
        find: "    if (!(error instanceof FetchFailure)) throw error;\n",
        replace: "    if (statusCode === undefined) return finish({});\n",
      },
    ],
    caughtBy: ["what is called delivered has arrived"],
  },
  {
    name: "told-twice",
    what: "each endpoint is found twice",
    patches: [
      {
        file: "src/events/fan-out.ts",
        find: "    ...endpoints.map((endpoint) => toEndpoint(endpoint)),",
        replace: `    ...endpoints.map((endpoint) => toEndpoint(endpoint)),
    ...endpoints.map(async (endpoint) => {
      const one = await toEndpoint(endpoint);
      return { ...one, id: await deliveryIdOf({ ...event, source: \`\${event.source}.2\` }, endpoint.id) };
    }),`,
      },
    ],
    caughtBy: ["an event is delivered once by id"],
  },
  {
    name: "wrong-project",
    what: "a gateway keeps one configuration for all projects",
    patches: [
      {
        file: "src/tasks/run/finish-task.ts",
        find: "  let { ending, config, cause } = conclusion;",
        replace: `  let { ending, config, cause } = conclusion;
  config = ((globalThis as any).kept ??= conclusion.config);`,
      },
      {
        file: "src/tasks/run/finish-task.ts",
        find: "      configVersion: config.version,\n",
        replace: "",
      },
    ],
    caughtBy: ["a callback reaches its own project alone"],
  },
];
