import { once } from "node:events";
import { createServer } from "node:http";
import process from "node:process";
import type { Command } from "commander";
import { onFreePort, onPort } from "../../local/stack/port.ts";
import { CALL } from "../common/call.ts";
import { UsageError } from "../common/failure.ts";
import { warn, write } from "../common/output.ts";
import type { Run } from "../common/run.ts";
import { isHere } from "../common/session.ts";
import { answerOf, type ListenAnswer } from "./answer.ts";
import { readRequest } from "./callback.ts";
import { nextStep } from "./next.ts";
import type { ListenOptions } from "./options.ts";
import { reportText } from "./report.ts";
import { listenSource, type Source } from "./source.ts";
import { judge } from "./verdict.ts";

const USUAL_PORT = 4_000;

/** `ringback listen` */
export function addListen(program: Command, run: Run): void {
  program
    .command("listen")
    .description("receive callbacks on this machine, and say for each whether its signature is valid")
    .option("--port <number>", `where to listen on 127.0.0.1 (default ${USUAL_PORT}, or a free one)`)
    .option("--forward-to <url>", "pass each callback on, and answer as it is answered there")
    .option("--status <number>", "answer with this status, to see what a failing receiver leads to")
    .option("--secret <secret>", "whsec_…; read from the gateway unless given")
    .action(
      run<ListenOptions>(async (options) => {
        const answer = answerOf(options);
        const source = await listenSource(options);
        const server = createServer();
        const begin = (port: number) => listenOn(server, port);
        const port =
          options.port === undefined
            ? await onFreePort(USUAL_PORT, begin)
            : await onPort(portOf(options.port), begin);
        const end = stopped(); // before the first line, after which a callback or Ctrl-C may come at once
        receive(server, source, answer, options.json ?? false);
        greet(source, port, options.json ?? false);
        await end;
        server.closeAllConnections();
        server.close();
        return 0;
      }),
    );
}

async function listenOn(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new UsageError("--port is taken");
  return address.port;
}

function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new UsageError("--port must be a whole number from 0 to 65535");
}

/** Where it listens, and how callbacks get here. */
function greet({ url }: Source, port: number, json: boolean): void {
  const here = `http://127.0.0.1:${port}`;
  if (json) {
    write(JSON.stringify({ listening: here }));
    return;
  }
  write(`listening on ${here}`);
  if (url !== undefined && !isHere(url)) {
    write(`${url} cannot reach this machine. Open a tunnel in another terminal:`);
    write(`  cloudflared tunnel --url ${here}`);
    write("and submit with the address that it prints:");
    write(`  ${CALL} submit TYPE '{}' --callback https://….trycloudflare.com`);
  } else {
    write(`  ${CALL} submit TYPE '{}' --callback ${here}`);
  }
}

function receive(
  server: ReturnType<typeof createServer>,
  source: Source,
  answer: ListenAnswer,
  json: boolean,
): void {
  const seen = new Map<string, number>();
  server.on("request", async (request, response) => {
    try {
      const callback = await readRequest(request);
      const verdict = await judge(callback, source);
      const answered = await answer(callback, verdict);
      response.writeHead(answered.status, answered.headers).end(answered.body);
      const times = (seen.get(verdict.eventId) ?? 0) + 1;
      if (verdict.eventId) seen.set(verdict.eventId, times);
      const next = await nextStep(source, verdict, answered.status);
      const report = {
        at: new Date().toISOString(),
        ...verdict,
        answered: answered.status,
        ...next,
        seen: times,
      };
      write(json ? JSON.stringify(report) : reportText(report));
    } catch (error) {
      warn(`a callback could not be shown: ${error instanceof Error ? error.message : error}`);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    }
  });
}

function stopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
