import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import process from "node:process";

/* A stand-in for a bank: it has heard of a payment at once, and knows what became of it only later. */

/** What the bank says of one payment; `retryAfter`: the seconds that it asks its caller to wait. */
type BankAnswer =
  | { readonly status: "pending"; readonly retryAfter?: number }
  | { readonly status: "settled"; readonly amount: number; readonly currency: string }
  | { readonly status: "declined"; readonly reason: string };

/** One payment: its answers in order, the last one again and again. A number is that HTTP status, text a body as it is. */
export type Course = readonly (BankAnswer | number | string)[];

export interface Bank {
  readonly url: string;
  /** Makes a payment known. */
  know(id: string, course: Course): void;
  /** When the bank was asked for a payment: Unix milliseconds, in order. */
  asked(id: string): readonly number[];
  stop(): Promise<void>;
}

/** Starts the bank; `token` is what its callers must show, and port 0 any that is free. */
export async function startBank(options: { port: number; token: string }): Promise<Bank> {
  const payments = new Map<string, { course: Course; asked: number[] }>();
  const server = createServer((request, response) => {
    if (request.headers.authorization !== `Bearer ${options.token}`) return answer(response, 401);
    const [, id = ""] = /^\/payments\/([\w-]+)$/.exec(request.url ?? "") ?? [];
    const payment = payments.get(id);
    if (!payment) return answer(response, 404);
    const said = payment.course[payment.asked.length] ?? payment.course.at(-1) ?? 404;
    payment.asked.push(Date.now());
    if (typeof said === "number") return answer(response, said);
    if (typeof said === "string") return answer(response, 200, said);
    if (said.status !== "pending") return answer(response, 200, JSON.stringify({ id, ...said }));
    if (said.retryAfter !== undefined) response.setHeader("retry-after", said.retryAfter);
    return answer(response, 200, JSON.stringify({ id, status: "pending" }));
  });
  server.listen(options.port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the bank has no address");
  return {
    url: `http://127.0.0.1:${address.port}`,
    know: (id, course) => void payments.set(id, { course, asked: [] }),
    asked: (id) => payments.get(id)?.asked ?? [],
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function answer(response: ServerResponse, status: number, body = ""): void {
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}

if (import.meta.main) {
  const token = process.env["BANK_TOKEN"];
  if (!token) throw new Error("BANK_TOKEN is not set");
  const bank = await startBank({ port: Number(process.env["PORT"] ?? 2600), token });
  const pending = { status: "pending", retryAfter: 2 } as const;
  bank.know("pay_1", [pending, pending, pending, { status: "settled", amount: 4_900, currency: "EUR" }]);
  bank.know("pay_2", [pending, pending, { status: "declined", reason: "insufficient-funds" }]);
  console.log(`bank on ${bank.url}; it knows pay_1 and pay_2`);
}
