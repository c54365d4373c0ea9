import { expect, test } from "vitest";
import * as z from "zod";
import { openApi } from "../../src/http/openapi/document.ts";
import { routesOf } from "../../src/http/routes/index.ts";
import { NOW, open, PUBLIC_URL } from "./gateway.ts";

/** The parameters of every operation, as far as this test reads them. */
const document = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        parameters: z.array(
          z.object({
            name: z.string().optional(),
            in: z.string().optional(),
            schema: z.object({ format: z.string().optional() }).optional(),
          }),
        ),
      }),
    ),
  ),
});

const readable = [
  "2026-11-24T09:00:00+01:00",
  "2026-11-24t09:00:00+01:00",
  "2026-11-24T09:00:00.123456+14:00",
  "2026-11-24T09:00+00:00",
  "2016-12-31T23:59:60+00:00",
];

test("a date in a query whose + is not encoded is refused with a hint, for every date parameter", async () => {
  const gateway = await open({
    store: { listTasks: () => Promise.resolve({ kind: "found", positions: [], visited: 0 }) },
    clock: () => NOW,
  });
  const { paths } = document.parse(
    openApi({ version: "0.1.0", publicUrl: PUBLIC_URL, tasks: [], routes: routesOf() }),
  );
  const places = Object.entries(paths).flatMap(([path, { get }]) =>
    (get?.parameters ?? [])
      .filter((parameter) => parameter.in === "query" && parameter.schema?.format === "date-time")
      .map(({ name }) => [path, name ?? ""] as const),
  );
  expect(places).toEqual(
    expect.arrayContaining([
      ["/v1/tasks", "createdAfter"],
      ["/v1/tasks", "createdBefore"],
    ]),
  );
  for (const [path, name] of places) {
    for (const date of readable) {
      const answer = await gateway.send("GET", `${path}?${name}=${date}`);
      expect([answer.status, await answer.json()]).toMatchObject([
        400,
        { code: "malformed-parameter", detail: expect.stringMatching(/write its \+ as %2B/) },
      ]);
      expect((await gateway.send("GET", `${path}?${name}=${encodeURIComponent(date)}`)).status).toBe(200);
    }
    for (const other of ["yesterday", "2026-11-24", "2026-11-24T09:00:00", "2026-11-24T25:00:00Z"]) {
      const answer = await gateway.send("GET", `${path}?${name}=${encodeURIComponent(other)}`);
      const { detail } = z.object({ detail: z.string() }).parse(await answer.json());
      expect([answer.status, detail]).toEqual([400, expect.not.stringContaining("%2B")]);
    }
  }
});
