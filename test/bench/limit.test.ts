import { expect, test } from "vitest";
import { createLimit } from "../../bench/programs/limit.ts";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { system } from "../../src/projects/principal.ts";
import { hex } from "../../src/shared/bytes.ts";
import { makeId } from "../../src/shared/id.ts";
import { TOKEN } from "../local/redis-stand-in.ts";
import { environments } from "../redis/store-fixture.ts";

// The limit gives the real script its arguments by hand: it must keep up with the gateway.

const MASTER_SECRET = "the master secret of the limit's test, 32 characters";

test.each(await environments())(
  "the limit stores a task as the gateway does, on the %s engine",
  async (_kind, { store, url }) => {
    const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
    const project = makeId("prj", Date.now(), 0, random(8));
    await store.initProject(project, "bench", JSON.stringify({ signing: [] }));
    const [key, secret] = [random(16), random(24)];
    await store.putKey(project, {
      key: hex(key),
      hash: hex(new Uint8Array(await crypto.subtle.digest("SHA-256", secret))),
      expiresAt: 0,
      scopes: ["admin"],
      createdAt: Date.now(),
      name: "bench",
    });
    const apiKey = await createKeyring(webCrypto, MASTER_SECRET).issueApiKey(project, key, secret);
    const limit = createLimit({
      redisUrl: url,
      redisToken: TOKEN,
      qstashUrl: "http://127.0.0.1:1",
      qstashToken: "none",
      publicUrl: "http://limit.test",
      masterSecret: MASTER_SECRET,
    });
    const body = JSON.stringify({ type: "diagnostics.echo", input: { order: 1 }, delay: "2h" });
    const headers = { authorization: `Bearer ${apiKey}` };
    const answer = await limit.fetch(
      new Request("http://limit.test/tasks", { method: "POST", headers, body }),
    );
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as { id: string }; // the limit's own answer
    expect(await store.readTask(system(project), id, { input: true })).toMatchObject({
      kind: "found",
      record: { status: "queued", type: "diagnostics.echo", attempt: 0, input: { json: '{"order":1}' } },
    });
  },
);
