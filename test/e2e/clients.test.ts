import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  createHttpPoller,
  type OperationResponse,
  type OperationState,
  type PollerLike,
  type RawResponse,
} from "@azure/core-lro";
import {
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineRequest,
  type HttpMethods,
} from "@azure/core-rest-pipeline";
import { EventSource } from "eventsource";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { describe, expect } from "vitest";
import * as z from "zod";
import type { Client } from "../support/client.ts";
import { bringAbout, codeOf, ENDINGS, type Ending, EVERY_ENDING, naming } from "../support/endings.ts";
import { test } from "../support/fixture.ts";
import { root } from "../support/process.ts";

// Clients that nobody here wrote, as they are installed. Each follows a task to each of its four ends.

const idOf = (body: unknown): string => z.looseObject({ id: z.string() }).parse(body).id;

const http = createDefaultHttpClient();

/** How `@azure/core-lro` is given HTTP: the same few lines in every SDK that uses it. */
function transport(client: Client) {
  return async (url: string, method: HttpMethods = "GET", body?: unknown): Promise<OperationResponse> => {
    const request = createPipelineRequest({
      url: new URL(url, client.url).href,
      method,
      headers: createHttpHeaders({
        authorization: client.authorization,
        "content-type": "application/json",
      }),
      allowInsecureConnection: true,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const { status, headers, bodyAsText } = await http.sendRequest(request);
    const rawResponse: RawResponse = {
      statusCode: status,
      headers: headers.toJSON(),
      request,
      ...(bodyAsText && { body: JSON.parse(bodyAsText) as unknown }),
    };
    return { flatResponse: rawResponse.body, rawResponse };
  };
}

/** The outcome of a poller, as its user sees it. */
async function outcome(poller: PollerLike<OperationState<unknown>, unknown>) {
  try {
    const result = await poller;
    return { status: poller.operationState?.status, result };
  } catch (error) {
    return { status: poller.operationState?.status, message: (error as Error).message };
  }
}

describe("@azure/core-lro", () => {
  for (const [style, path, options] of [
    ["by Operation-Location", "/v1/tasks", {}],
    [
      "by Operation-Location, result by Location",
      "/v1/tasks?location=result",
      { resourceLocationConfig: "location" },
    ],
  ] as const) {
    test.for(EVERY_ENDING)(`${style}: %s`, async (ending, { client }) => {
      const send = transport(client);
      const poller = createHttpPoller(
        {
          sendInitialRequest: async () => {
            const answer = await send(path, "POST", ENDINGS[ending]);
            await bringAbout(ending, client, idOf(answer.flatResponse));
            return answer;
          },
          sendPollRequest: (url) => send(url),
        },
        options,
      );
      expect(await outcome(poller)).toMatchObject(
        {
          succeeded: { status: "succeeded", result: ENDINGS.succeeded.input },
          failed: { status: "failed", message: naming("failed") },
          canceled: { status: "canceled", message: "Operation was canceled" },
          expired: { status: "failed", message: naming("expired") },
        }[ending],
      );
    });
  }

  test.for(EVERY_ENDING)("by Location, from the result's address: %s", async (ending, { client }) => {
    const send = transport(client);
    const poller = createHttpPoller({
      sendInitialRequest: async () => {
        const accepted = await send("/v1/tasks?location=result", "POST", ENDINGS[ending]);
        await bringAbout(ending, client, idOf(accepted.flatResponse));
        const { "operation-location": _, ...headers } = accepted.rawResponse.headers;
        return { ...accepted, rawResponse: { ...accepted.rawResponse, headers } };
      },
      sendPollRequest: (url) => send(url),
    });
    expect(await outcome(poller)).toMatchObject(
      ending === "succeeded"
        ? { status: "succeeded", result: ENDINGS.succeeded.input }
        : { status: "failed", message: naming(ending) },
    );
  });
});

describe("the loop of curl in docs/reference/clients.md", () => {
  test.for(EVERY_ENDING)("%s", async (ending, { client, onTestFinished }) => {
    const cwd = await mkdtemp(join(tmpdir(), "ringback-curl-"));
    onTestFinished(() => rm(cwd, { recursive: true }));
    const text = await readFile(join(root, "docs/reference/clients.md"), "utf8");
    const [, loop = ""] = /```sh\nTASK=.*\n([\s\S]*?)```/.exec(text) ?? [];
    const key = crypto.randomUUID();
    const { id } = await client.submit(ENDINGS[ending], { "idempotency-key": key });
    await bringAbout(ending, client, id);
    const env = {
      ...process.env,
      URL: client.url,
      KEY: client.authorization.replace("Bearer ", ""),
      TASK: JSON.stringify(ENDINGS[ending]),
      IDEMPOTENCY_KEY: key,
    };
    const { stdout } = await promisify(execFile)("bash", ["-euc", loop], { cwd, env });
    const [, status, body = ""] = /^(\d+) (.*)/s.exec(stdout) ?? [];
    const outcome = { status, body: JSON.parse(body) as unknown };
    expect(outcome).toMatchObject(
      ending === "succeeded"
        ? { status: "200", body: ENDINGS.succeeded.input }
        : { status: "409", body: { taskStatus: ending, error: { code: codeOf(ending) } } },
    );
  });
});

const browserToken = z.object({ links: z.object({ events: z.url() }) });

describe("eventsource", () => {
  test.for(EVERY_ENDING)("%s", async (ending, { client }) => {
    const { id } = await client.submit(ENDINGS[ending]);
    await bringAbout(ending, client, id);
    const { links } = browserToken.parse((await client.send("POST", `/v1/tasks/${id}/token`)).json());
    const source = new EventSource(links.events);
    const seen: string[] = [];
    const over = Promise.withResolvers<void>();
    for (const type of ["task.created", "task.started", ...EVERY_ENDING.map((one) => `task.${one}`)])
      source.addEventListener(type, () => seen.push(type));
    // The stream ends after the last event; the client reconnects, gets 204, and gives up for good.
    source.addEventListener("error", () => {
      if (source.readyState === source.CLOSED) over.resolve();
    });
    await over.promise;
    expect(seen[0]).toBe("task.created");
    expect(seen.at(-1)).toBe(`task.${ending}`);
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe("standardwebhooks and svix", () => {
  test.for(EVERY_ENDING)("%s", async (ending, { client, receiver, secret }) => {
    const inbox = receiver.open();
    const { id } = await client.submit({ ...ENDINGS[ending], callbackUrl: inbox.url });
    await bringAbout(ending, client, id);
    const [callback] = await inbox.wait(1, 20_000);
    if (!callback) throw new Error("no callback");
    const type = `task.${ending satisfies Ending}`;
    for (const webhook of [new StandardWebhook(secret), new SvixWebhook(secret)]) {
      expect(webhook.verify(callback.body, callback.headers)).toMatchObject({ type, data: { id } });
      expect(() => webhook.verify(`${callback.body} `, callback.headers)).toThrow();
    }
  });
});
