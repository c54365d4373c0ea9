import type { Answers } from "./answers.ts";
import { wranglerToml } from "./wrangler.ts";

/** The files of a new project, by name; package.json is apart. */
export function filesOf(answers: Answers): Readonly<Record<string, string>> {
  return {
    "src/tasks.ts": TASKS,
    ...(answers.runtime === "deno"
      ? { "src/deno.ts": DENO }
      : { "src/worker.ts": WORKER, "wrangler.toml": wranglerToml(answers) }),
    "test/tasks.test.ts": TEST,
    "tsconfig.json": TSCONFIG,
    ".gitignore": GITIGNORE,
    "README.md": readme(answers),
  };
}

const TASKS = `import { defineTask } from "ringback";
import * as z from "zod";

/** Replace it by the work that takes long. \`signal\` aborts when the task is canceled or its time is over. */
export const shout = defineTask({
  type: "text.shout",
  summary: "Return a text in capitals.",
  input: z.strictObject({ text: z.string().min(1).max(10_000) }),
  result: z.object({ text: z.string() }),
  timeout: 30_000,
  async handler({ input, progress }) {
    progress({ percent: 50, message: "half of it" });
    return { text: input.text.toUpperCase() };
  },
});

/** Every task type of this gateway. Clients are typed by it: new Ringback<typeof tasks>(…). */
export const tasks = [shout] as const;
`;

const WORKER = `import { createRingback } from "ringback";
import { diagnostics } from "ringback/task-types";
import { worker } from "ringback/workers";
import { tasks } from "./tasks.ts";

interface Env {
  readonly ASSETS: { fetch(request: Request): Promise<Response> };
}

// The diagnostics exist only with RINGBACK_DIAGNOSTICS=true, which \`ringback dev\` sets.
export default worker(createRingback({ tasks, diagnostics, assets: (env: Env) => env.ASSETS }));
`;

const DENO = `import { createRingback, serve } from "ringback/deno";
import { diagnostics } from "ringback/task-types";
import { tasks } from "./tasks.ts";

// The diagnostics exist only with RINGBACK_DIAGNOSTICS=true, which \`ringback dev\` sets.
serve(createRingback({ tasks, diagnostics }));
`;

const TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { shout, tasks } from "../src/tasks.ts";

/** The context of a handler, as far as these tests use it. */
function contextOf(input: unknown): Parameters<typeof shout.handler>[0] {
  return {
    input,
    signal: new AbortController().signal,
    attempt: 1,
    idempotencyKey: "test",
    task: {
      id: "task_test",
      type: shout.type,
      run: 1,
      project: "test",
      createdAt: new Date(),
      deadlineAt: new Date(Date.now() + 60_000),
      metadata: {},
    },
    token: "test",
    completionUrl: "http://127.0.0.1/",
    progress: () => undefined,
    fetch: (url, init) => fetch(url, init),
  };
}

test("text.shout returns the text in capitals", async () => {
  const input = z.parse(shout.input, { text: "straße" });
  assert.deepEqual(await shout.handler(contextOf(input)), { text: "STRASSE" });
});

test("text.shout refuses an input that does not fit", () => {
  for (const input of [{}, { text: "" }, { text: "a", loud: true }]) {
    assert.equal(z.safeParse(shout.input, input).success, false);
  }
});

test("no two task types have the same name", () => {
  assert.equal(new Set(tasks.map(({ type }) => type)).size, tasks.length);
});
`;

const TSCONFIG = `{
  "compilerOptions": {
    "target": "ES2023",
    "lib": ["ES2023", "DOM", "DOM.Iterable"],
    "module": "NodeNext",
    "types": ["node"],
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "verbatimModuleSyntax": true,
    "erasableSyntaxOnly": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["*.ts", "src", "test"]
}
`;

const GITIGNORE = `node_modules
.wrangler
.dev.vars
.env
.env.local
`;

function readme({ name, runtime }: Answers): string {
  const deploy =
    runtime === "deno"
      ? `Set the variables of Redis, QStash and the gateway in the environment, and run \`npm start\`.`
      : `Fill in \`[vars]\` of wrangler.toml, set each of its secrets with \`npx wrangler secret put NAME\`, and run:

\`\`\`sh
npm run deploy
export RINGBACK_URL=https://… RINGBACK_ADMIN_TOKEN=…
npx ringback doctor
npx ringback keys create --project NAME
\`\`\`

Make RINGBACK_MASTER_SECRET and RINGBACK_ADMIN_TOKEN with \`openssl rand -base64 32\`. Keep a copy of the master secret.`;
  return `# ${name}

A [Ringback](node_modules/ringback/README.md) gateway with task types of its own, in src/tasks.ts.

\`\`\`sh
npm install
npm test
npm run dev
\`\`\`

\`npm run dev\` prints a line that begins with \`export\`. Paste it into a second terminal, and let that show the callbacks:

\`\`\`sh
npx ringback listen
\`\`\`

Paste it into a third terminal too, and submit a task:

\`\`\`sh
npx ringback submit text.shout '{"text": "hello"}' --callback http://127.0.0.1:4000 --wait
\`\`\`

Settings of your task types go into ${runtime === "deno" ? ".env" : ".dev.vars, or into [vars] of wrangler.toml"}.
The page "How do I write a task type?" shows how a handler gets them.

While \`npm run dev\` runs, the documentation is at http://127.0.0.1:8787/docs/guides, and the API at
http://127.0.0.1:8787/docs.

## Deploy

${deploy}
`;
}
