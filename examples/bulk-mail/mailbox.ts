import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { SMTPServer } from "smtp-server";

/*
 * A mail server to try it with: takes every mail by SMTP, shows them at GET /messages, and delivers nothing. It refuses
 * the recipients whose names begin with `refuse`. Each mail takes DELAY milliseconds.
 */

const delay = Number(process.env["DELAY"] ?? 0);
const messages: { messageId: string; to: string; text: string }[] = [];

const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ["AUTH", "STARTTLS"],
  onRcptTo({ address }, _session, done) {
    const refusal = Object.assign(new Error("5.1.1 There is no such mailbox"), { responseCode: 550 });
    done(address.startsWith("refuse") ? refusal : null);
  },
  onData(stream, session, done) {
    const keep = async () => {
      const mail = await text(stream);
      await sleep(delay);
      const messageId = /^message-id: (\S+)/im.exec(mail)?.[1] ?? "";
      for (const { address } of session.envelope.rcptTo)
        messages.push({ messageId, to: address, text: mail });
    };
    // A client that is killed in the middle of its mail has sent none.
    keep().then(() => done(null), done);
  },
});
smtp.on("error", () => undefined); // a client that is killed resets its connections
smtp.listen(Number(process.env["SMTP_PORT"] ?? 2525), "127.0.0.1");

const http = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(messages));
});
http.listen(Number(process.env["HTTP_PORT"] ?? 2526), "127.0.0.1");
await Promise.all([once(http, "listening"), smtp.server.listening || once(smtp.server, "listening")]);

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === "object" && address ? address.port : 0;
console.log(
  `mailbox smtp://127.0.0.1:${portOf(smtp.server.address())} http://127.0.0.1:${portOf(http.address())}/messages`,
);
