import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { build as bundle } from "esbuild";
import { compile, type JSONSchema } from "json-schema-to-typescript";
import * as z from "zod/mini";
import * as events from "../src/events/schema.ts";
import { root } from "../src/local/root.ts";

/**
 * Writes `dist/receiver.js` and its types, which the package's `ringback/receiver` is: one module of JavaScript, because
 * no runtime strips types from what lies in node_modules.
 */
export async function buildReceiver(): Promise<void> {
  const dist = join(root, "dist");
  await mkdir(dist, { recursive: true });
  const fresh = await mkdtemp(join(dist, ".receiver-"));
  try {
    await Promise.all([
      bundle({
        entryPoints: [join(root, "src/receiver/index.ts")],
        outfile: join(fresh, "receiver.js"),
        bundle: true,
        format: "esm",
        target: "es2022",
        platform: "neutral",
        logLevel: "error",
      }),
      writeTypes(fresh),
    ]);
    await cp(fresh, dist, { recursive: true });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/**
 * The compiler keeps the names of TypeScript files in declarations; a consumer looks for files next to JavaScript. The
 * types of events are written out, so that the declarations lead to no schema and no library.
 */
async function writeTypes(folder: string): Promise<void> {
  const tsc = join(root, "node_modules/.bin/tsc");
  await promisify(execFile)(tsc, ["-p", join(root, "tsconfig.receiver.json"), "--outDir", folder]);
  for (const name of await readdir(folder)) {
    if (!name.startsWith("receiver")) await rm(join(folder, name), { recursive: true }); // the schemas' own declarations
  }
  const own = join(folder, "receiver");
  for (const file of await readdir(own)) {
    const text = await readFile(join(own, file), "utf8");
    await writeFile(join(own, file), text.replace(/(from "\.[^"]*)\.ts"/g, '$1.js"'));
  }
  await writeFile(join(own, "event-data.d.ts"), await eventData());
}

/** A schema as JSON Schema; the two libraries' types of the same drafts differ. */
function written(schema: z.core.$ZodType): JSONSchema {
  const { $schema: _schema, ...json } = z.toJSONSchema(schema, { io: "input" });
  return json as JSONSchema;
}

/** Of src/receiver/event-data.ts: the same types by the same schemas, as a package without zod can have them. */
async function eventData(): Promise<string> {
  const schemas: Readonly<Record<string, z.core.$ZodType>> = {
    TaskEventType: events.taskEventType,
    TaskEventData: events.taskEventData,
    VerificationData: events.verificationData,
    TestData: events.testData,
    DisabledData: events.disabledData,
    DeadDeliveryData: events.deadDeliveryData,
  };
  const types = Object.entries(schemas).map(([name, schema]) =>
    compile(written(schema), name, {
      additionalProperties: false,
      bannerComment: "",
    }),
  );
  return (await Promise.all(types)).join("\n");
}
