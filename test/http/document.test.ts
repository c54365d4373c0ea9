import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { defineTask } from "../../src/task.ts";
import { open, PUBLIC_URL } from "./gateway.ts";

const tree: z.ZodMiniType = z.lazy(() => z.strictObject({ name: z.string(), branches: z.array(tree) }));

const grow = defineTask({
  type: "trees/grow!",
  summary: "Grow a tree.",
  input: z.strictObject({ tree }),
  result: z.object({ height: z.number() }),
  handler: () => ({ height: 1 }),
});

const schema = z.looseObject({ $ref: z.optional(z.string()) });
const shape = z.object({
  servers: z.tuple([z.object({ url: z.string() })]),
  components: z.object({ schemas: z.record(z.string(), schema) }),
});

describe("/openapi.json", () => {
  test("is the deployment's own: its address, and the task types that it offers", async () => {
    const gateway = await open({ tasks: [grow] });
    const answer = await gateway.send("GET", "/openapi.json", { headers: { authorization: "" } });
    expect(answer.status).toBe(200);
    const { servers, components } = z.parse(shape, await answer.json());
    expect(servers[0].url).toBe(PUBLIC_URL);
    expect(components.schemas["TaskRequest"]).toMatchObject({
      discriminator: {
        mapping: {
          "test.echo": "#/components/schemas/TaskRequest.test.echo",
          "trees/grow!": "#/components/schemas/TaskRequest.trees_grow_",
        },
      },
    });
    expect(components.schemas["TaskResult.trees_grow_"]).toMatchObject({ required: ["height"] });
    expect(components.schemas["Result"]?.["anyOf"]).toContainEqual({
      $ref: "#/components/schemas/TaskResult.trees_grow_",
    });
  });

  test("has the schema of a type that refers to itself, and each reference leads into it", async () => {
    const answer = await (await open({ tasks: [grow] })).send("GET", "/openapi.json");
    const text = await answer.text();
    const place = "#/components/schemas/TaskRequest.trees_grow_/properties/input";
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target ?? "");
    const own = references.filter((target) => target.startsWith(place));
    expect(own.length).toBeGreaterThan(0);
    for (const target of own) {
      const found = target
        .slice(2)
        .split("/")
        .reduce<unknown>(
          (inner, step) => (inner as Readonly<Record<string, unknown>>)[step],
          JSON.parse(text),
        );
      expect(found, target).toMatchObject({ properties: { branches: {} } });
    }
  });

  test("costs no body when it has not changed", async () => {
    const gateway = await open();
    const etag = (await gateway.send("GET", "/openapi.json")).headers.get("etag") ?? "";
    expect(etag).not.toBe("");
    const again = await gateway.send("GET", "/openapi.json", { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });
});
