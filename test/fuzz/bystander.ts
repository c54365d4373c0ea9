import { Redis } from "ioredis";
import { ask, type Key, makeKey, until } from "./api.ts";

interface Page<Item> {
  readonly data: readonly Item[];
}

interface Named {
  readonly id: string;
}

/** A project that nobody speaks of: whatever the others send, all of it stays as it is. */
export interface Bystander {
  readonly key: Key;
  /** Ids of what it has, by their kind. */
  readonly ids: Readonly<Record<"task" | "del" | "ep" | "key" | "prj", readonly string[]>>;
  /** Everything that it can read of itself, and its keys in Redis as they lie there, where that is a real one. */
  snapshot(): Promise<Readonly<Record<string, string>>>;
}

/** Makes one with tasks that ended well, badly, and not yet, an endpoint, and deliveries of either end. */
export async function makeBystander(
  gateway: { readonly url: string; readonly adminToken: string },
  receiver: string,
  redis: string | undefined,
): Promise<Bystander> {
  const key = await makeKey(gateway, `bystander-${crypto.randomUUID()}`);
  const call = <Answer>(method: string, path: string, body?: unknown) =>
    ask<Answer>(gateway.url, key.key, method, path, body);
  const endpoint = await call<Named>("POST", "/v1/endpoints", {
    url: `${receiver}/bystander`,
    events: ["task.succeeded"],
    headers: { authorization: "Bearer theirs" },
  });
  await call("POST", `/v1/endpoints/${endpoint.id}/verify`);
  const echo = { type: "diagnostics.echo", input: { private: "theirs" }, metadata: { owner: "bystander" } };
  const tasks = [
    await call<Named>("POST", "/v1/tasks", { ...echo, callbackUrl: `${receiver}/bystander` }),
    await call<Named>("POST", "/v1/tasks", { ...echo, callbackUrl: `${receiver}/fails` }),
    await call<Named>("POST", "/v1/tasks", {
      type: "diagnostics.flaky",
      input: { failures: 5 },
      retries: 0,
      callbackUrl: `${receiver}/bystander`,
    }),
    await call<Named>("POST", "/v1/tasks", { ...echo, delay: "10d" }),
  ];
  const deliveries = await until(
    () => call<Page<Named & { status: string }>>("GET", "/v1/deliveries"),
    ({ data }) => data.length === 5 && data.every(({ status }) => status !== "pending"),
  );
  const ids = {
    task: tasks.map(({ id }) => id),
    del: deliveries.data.map(({ id }) => id),
    ep: [endpoint.id],
    key: [key.id],
    prj: [key.project.id],
  };
  return {
    key,
    ids,
    async snapshot() {
      const paths = [
        "/v1/tasks?limit=100",
        "/v1/deliveries?limit=100",
        "/v1/endpoints",
        "/v1/signing-secret",
        `/jwks/${key.project.id}.json`,
        ...ids.task.flatMap((id) => [`/v1/tasks/${id}?include=input`, `/v1/tasks/${id}/events`]),
        ...ids.del.map((id) => `/v1/deliveries/${id}`),
        ...ids.ep.flatMap((id) => [`/v1/endpoints/${id}`, `/v1/endpoints/${id}/secret`]),
      ];
      const seen = await Promise.all(
        paths.map(async (path) => [path, JSON.stringify(await call("GET", path))] as const),
      );
      const keys = await ask(gateway.url, gateway.adminToken, "GET", `/admin/keys?project=${key.project.id}`);
      const stored = redis === undefined ? [] : await storedOf(redis, key.project.id);
      return Object.fromEntries([...seen, ["/admin/keys", JSON.stringify(keys)] as const, ...stored]);
    },
  };
}

/** Every key of the project, as Redis would write it to its disk. */
async function storedOf(url: string, project: string): Promise<(readonly [string, string])[]> {
  const redis = new Redis(url);
  try {
    const keys = await redis.keys(`*${project}*`);
    return await Promise.all(
      keys.sort().map(async (key) => [key, (await redis.dumpBuffer(key))?.toString("base64") ?? ""] as const),
    );
  } finally {
    redis.disconnect();
  }
}
