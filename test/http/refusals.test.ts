import { describe, expect, test } from "vitest";
import { problem } from "../support/contract.ts";
import { open, PUBLIC_URL } from "./gateway.ts";

const good = { type: "test.echo", input: 1 };

async function refused(answer: Promise<Response> | Response, code: string) {
  const response = await answer;
  const body = problem.parse(await response.json());
  expect(body).toMatchObject({ code, status: response.status, type: `${PUBLIC_URL}/problems/${code}` });
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(body.requestId).toBe(response.headers.get("x-request-id"));
  return { ...body, headers: response.headers, errors: body.errors ?? [] };
}

describe("a body that cannot be read", () => {
  const unreadable = {
    "nothing at all": "",
    "half an object": '{"type": "test.echo"',
    "a trailing comma": '{"type": "test.echo",}',
    "two values": "{} {}",
    "a number that JSON has not": '{"input": NaN}',
  };
  for (const [what, body] of Object.entries(unreadable)) {
    test(what, async () => {
      await refused((await open()).submit(body), "malformed-json");
    });
  }

  test("bytes that are no UTF-8", async () => {
    const gateway = await open();
    const body = Uint8Array.from([0x22, 0xc3, 0x28, 0x22]);
    const headers = { "content-type": "application/json" };
    await refused(gateway.send("POST", "/v1/tasks", { body, headers }), "malformed-json");
  });

  for (const type of [
    "text/plain",
    "application/jsonp",
    "application/json; charset=utf-16",
    "multipart/form-data",
  ]) {
    test(`as ${type}`, async () => {
      await refused((await open()).submit(good, { "content-type": type }), "unsupported-media-type");
    });
  }

  test("compressed", async () => {
    await refused((await open()).submit(good, { "content-encoding": "gzip" }), "unsupported-media-type");
  });

  for (const type of ["application/json", "APPLICATION/JSON; charset=UTF-8", "application/vnd.shop+json"]) {
    test(`but ${type} can be`, async () => {
      expect((await (await open()).submit(good, { "content-type": type })).status).toBe(202);
    });
  }
});

describe("a body that is too large", () => {
  const maxBody = 1_000;
  const body = JSON.stringify({ ...good, input: [..."x".repeat(maxBody)] });

  test("is told by its announced length", async () => {
    const headers = { "content-length": `${body.length}` };
    await refused((await open({ settings: { maxBody } })).submit(body, headers), "payload-too-large");
  });

  test("is stopped when nothing was announced", async () => {
    const gateway = await open({ settings: { maxBody } });
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 100;
        controller.enqueue(new Uint8Array(100).fill(0x20));
      },
    });
    const init: RequestInit & { duplex: "half" } = {
      body: endless,
      duplex: "half",
      headers: { "content-type": "application/json" },
    };
    await refused(gateway.send("POST", "/v1/tasks", init), "payload-too-large");
    expect(sent).toBeLessThan(3 * maxBody);
  });

  test("passes at the very limit", async () => {
    const text = JSON.stringify(good).padEnd(maxBody, " ");
    expect((await (await open({ settings: { maxBody } })).submit(text)).status).toBe(202);
    await refused((await open({ settings: { maxBody } })).submit(`${text} `), "payload-too-large");
  });
});

describe("a body that would break what reads it", () => {
  const nested = (levels: number) =>
    `{"type": "test.echo", "input": ${"[".repeat(levels)}${"]".repeat(levels)}}`;

  test("nests at most 100 levels", async () => {
    expect((await (await open()).submit(nested(99))).status).toBe(202);
    const { errors } = await refused((await open()).submit(nested(100)), "invalid-request");
    expect(errors).toEqual([{ pointer: "#/input", detail: "nests more than 100 levels deep" }]);
    await refused((await open()).submit(nested(500_000)), "invalid-request");
  });

  for (const body of [
    '{"type":"test.echo","input":{"a":[{"__proto__":{"x":1}}]}}',
    '{"__proto__":{"type":"test.echo"}}',
  ]) {
    test(`holds no __proto__: ${body}`, async () => {
      await refused((await open()).submit(body), "invalid-request");
    });
  }
});

describe("JSON's numbers", () => {
  for (const [number, pointer] of [
    ["1e400", "#/input"],
    ["-1e400", "#/input"],
    ['{"a":[1e999]}', "#/input/a/0"],
  ]) {
    test(`must be ones that a float can hold: ${number}`, async () => {
      const { errors } = await refused(
        (await open()).submit(`{"type":"test.echo","input":${number}}`),
        "invalid-request",
      );
      const detail = "is a number that a double cannot hold; send it as a string";
      expect(errors).toEqual([{ pointer, detail }]);
    });
  }
});

describe("what is wrong is named", () => {
  const cases: readonly (readonly [unknown, Readonly<Record<string, string>>])[] = [
    [[], { "#": "must be an object" }],
    [{ input: 1 }, { "#/type": "is required" }],
    [{ type: "test.echo" }, { "#/input": "is required" }],
    [{ ...good, type: 7 }, { "#/type": "must be a string" }],
    [
      { ...good, "a/b~c d": 1, later: 2 },
      { "#/a~1b~0c%20d": "is not a known field", "#/later": "is not a known field" },
    ],
    [{ ...good, retries: 101 }, { "#/retries": "must be at most 100" }],
    [{ ...good, retries: 1.5 }, { "#/retries": "must be a whole number" }],
    [
      { ...good, notBefore: "2026-02-30T00:00:00Z" },
      { "#/notBefore": "must be an RFC 3339 time with its offset" },
    ],
    [{ ...good, notBefore: "2027-12-24T00:00:00Z" }, { "#/notBefore": "lies more than 365d ahead" }],
    [{ ...good, delay: "1s", notBefore: "2026-11-25T00:00:00Z" }, { "#/notBefore": "excludes delay" }],
    [{ ...good, callbackEvents: ["task.failed"] }, { "#/callbackEvents": "needs a callbackUrl" }],
    [
      { ...good, callbackUrl: "https://a.example/", callbackEvents: [] },
      { "#/callbackEvents": "must have at least 1 items" },
    ],
    [{ ...good, metadata: { a: 1 } }, { "#/metadata/a": "must be a string" }],
    [
      { ...good, metadata: { ["k".repeat(65)]: "v" } },
      { [`#/metadata/${"k".repeat(65)}`]: "has a name that must have at most 64 characters" },
    ],
    [{ ...good, input: { text: 1 } }, { "#/input": "fits none of the forms that are allowed" }],
    [{ ...good, "\ud800": 1 }, { "#/%EF%BF%BD": "is not a known field" }],
    [{ ...good, metadata: { k: "v".repeat(513) } }, { "#/metadata/k": "must have at most 512 characters" }],
  ];
  for (const [body, faults] of cases) {
    test(JSON.stringify(faults).slice(0, 90), async () => {
      const { errors } = await refused((await open()).submit(body), "invalid-request");
      expect(Object.fromEntries(errors.map(({ pointer, detail }) => [pointer, detail]))).toEqual(faults);
    });
  }

  for (const field of ["delay", "deadline", "timeout", "heartbeatTimeout", "resultTtl"]) {
    for (const value of ["", "5", "1.5s", "-1s", "1y", "999999d", 5]) {
      test(`${field}: ${JSON.stringify(value)}`, async () => {
        const { errors } = await refused(
          (await open()).submit({ ...good, [field]: value }),
          "invalid-request",
        );
        expect(errors.map(({ pointer }) => pointer)).toEqual([`#/${field}`]);
      });
    }
  }

  test("at most 50 faults, however many there are", async () => {
    const body = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, n]));
    const { errors } = await refused((await open()).submit(body), "invalid-request");
    expect(errors).toHaveLength(50);
  });
});

describe("who may call", () => {
  test("nobody without a key: the challenge names no error", async () => {
    const { headers } = await refused((await open()).submit(good, { authorization: "" }), "unauthenticated");
    expect(headers.get("www-authenticate")).toBe('Bearer realm="ringback"');
  });

  for (const authorization of ["Bearer rb_nonsense", "Basic cmI6cmI=", "Bearer", "rb_nonsense"]) {
    test(`not "${authorization}": the challenge says so`, async () => {
      const { headers } = await refused((await open()).submit(good, { authorization }), "unauthenticated");
      expect(headers.get("www-authenticate")).toBe('Bearer realm="ringback", error="invalid_token"');
    });
  }

  test("a key that lacks the scope is told which", async () => {
    const store = { accept: () => Promise.resolve({ kind: "forbidden" } as const) };
    const { headers } = await refused((await open({ store })).submit(good), "forbidden");
    expect(headers.get("www-authenticate")).toContain('error="insufficient_scope", scope="tasks:write"');
  });

  test("who is not let in is not read either", async () => {
    await refused((await open()).submit("not JSON", { authorization: "Bearer x" }), "unauthenticated");
  });
});

describe("a query that makes no sense", () => {
  for (const query of [
    "limit=0",
    "limit=101",
    "limit=1e1",
    "limit=5&limit=6",
    "colour=red",
    "cursor=",
    "limit=",
    "metadata[__proto__]=x",
    "metadata[a]=x&metadata[a]=y",
  ]) {
    test(query, async () => {
      await refused((await open()).send("GET", `/v1/tasks?${query}`), "malformed-parameter");
    });
  }
});

describe("addresses", () => {
  test("an unknown one is not found", async () => {
    for (const path of ["/v1", "/v1/tasks/", "/v1/tasks/x/y", "/internal", "/v2/tasks"]) {
      await refused((await open()).send("GET", path), "not-found");
    }
  });

  test("an id of another kind, or none, is not found", async () => {
    for (const id of [
      "task_",
      "del_01kawv0m1ne0p86qyrcy9ba2z4",
      "task_01KAWV0M1NE0NVXF9DKB2JC5H0",
      "%00",
      "%E0%A4",
    ]) {
      await refused((await open()).send("GET", `/v1/tasks/${id}`), "not-found");
    }
  });

  test("is told of as a URI, whatever it was sent with", async () => {
    for (const [path, instance] of [
      ["/v1/%F2%BF%9B%BA/e\u0301", "/v1/%F2%BF%9B%BA/e%CC%81"],
      ['/v1/%zz/a|b[c]^{d}"<e>', "/v1/%25zz/a%7Cb%5Bc%5D%5E%7Bd%7D%22%3Ce%3E"],
      ["/v1/a%2Fb/%0d%0a", "/v1/a%2Fb/%0d%0a"],
    ] as const) {
      const problem = await refused((await open()).send("GET", path), "not-found");
      expect(problem.instance).toBe(PUBLIC_URL + instance);
    }
  });

  test("another method is refused with the ones that are offered", async () => {
    const { headers } = await refused((await open()).send("PUT", "/v1/tasks"), "method-not-allowed");
    expect(headers.get("allow")).toBe("GET, HEAD, OPTIONS, POST");
    const batch = await refused((await open()).send("GET", "/v1/tasks/batch"), "method-not-allowed");
    expect(batch.headers.get("allow")).toBe("OPTIONS, POST");
  });
});

describe("what goes wrong on our side", () => {
  test("an unexpected error is logged under the request id, and told in general words", async () => {
    const store = { accept: () => Promise.reject(new Error("the secret is rb_abc")) };
    const gateway = await open({ store });
    const told = await refused(gateway.submit(good), "internal-error");
    expect(JSON.stringify(told)).not.toContain("rb_abc");
    expect(gateway.logged).toEqual([
      ["error", "request-failed", expect.objectContaining({ requestId: told.requestId, path: "/v1/tasks" })],
    ]);
  });
});
