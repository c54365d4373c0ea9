import * as z from "zod/mini";
import { component } from "../../../shared/schema/schema.ts";
import { openApi } from "../../openapi/document.ts";
import type { Json } from "../../openapi/schemas.ts";
import { type Route, route } from "../../pipeline/route.ts";

const OpenApi = component("OpenApi", () => z.record(z.string(), z.unknown()), {
  description: "An OpenAPI 3.1 document.",
  example: { openapi: "3.1.0", info: { title: "Ringback", version: "0.1.0" }, paths: {} },
});

/**
 * The document of this very deployment: under its address, with the task types that it offers.
 *
 * @param routes every route, asked for when the document is first read
 */
export function documentRoutes(routes: () => readonly Route[]): readonly Route[] {
  let document: Json | undefined;
  return [
    route({
      method: "GET",
      path: "/openapi.json",
      operation: "getOpenApi",
      summary: "Read this API's OpenAPI document",
      description:
        "The document that the reference is made from; `TaskRequest` has the task types offered here.",
      tag: "Operations",
      access: "open",
      answers: {
        200: { description: "The document.", body: OpenApi, headers: ["ETag"] },
        304: { description: "Nothing has changed since the `ETag` that was sent.", headers: ["ETag"] },
      },
      headers: ["If-None-Match"],
      cache: "revalidate",
      handle({ ctx: { settings, tasks }, reply }) {
        document ??= openApi({ ...settings, tasks: tasks.values(), routes: routes() });
        return reply(200, document);
      },
    }),
  ];
}
