import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { createTransport } from "nodemailer";
import * as z from "zod";
import { Journal } from "./journal.ts";

/*
 * Takes batches over HTTP and speaks SMTP. Beside Node it needs a disk of its own for the journal, and it runs once:
 * two mailers on one journal would not know of each other.
 */

const env = z
  .object({
    PORT: z.coerce.number().default(2580),
    SMTP_URL: z.url(),
    MAIL_FROM: z.email(),
    MAILER_TOKEN: z.string().min(16),
    JOURNAL: z.string().default("mail.journal"),
  })
  .parse(process.env);

const batchSchema = z.object({
  key: z.string().min(1),
  subject: z.string(),
  text: z.string(),
  recipients: z.array(z.object({ address: z.email(), name: z.string().optional() })).max(100),
});
type Mail = Omit<z.output<typeof batchSchema>, "recipients">;
type Recipient = z.output<typeof batchSchema>["recipients"][number];

const journal = await Journal.open(env.JOURNAL);
const smtp = createTransport(`${env.SMTP_URL}?pool=true&maxConnections=5`);
const underWay = new Map<string, Promise<void>>();

/** The same for the same mail to the same recipient, for every sender and every repetition. */
function messageIdOf(key: string, address: string): string {
  const digest = createHash("sha256").update(`${key}\n${address}`).digest("hex").slice(0, 40);
  return `<${digest}@${env.MAIL_FROM.split("@")[1]}>`;
}

/** Sends a message unless it was sent or refused; a batch that comes twice at once sends it once. */
async function send(mail: Mail, recipient: Recipient, messageId: string): Promise<void> {
  const fate = journal.of(messageId)?.fate;
  if (fate === "sent" || fate === "refused") return;
  if (!underWay.has(messageId)) {
    const sending = transmit(mail, recipient, messageId).finally(() => underWay.delete(messageId));
    underWay.set(messageId, sending);
  }
  await underWay.get(messageId);
}

async function transmit(mail: Mail, { address, name }: Recipient, messageId: string): Promise<void> {
  await journal.note("sending", messageId);
  try {
    const { response } = await smtp.sendMail({
      messageId,
      from: env.MAIL_FROM,
      to: name ? { name, address } : address,
      subject: mail.subject,
      text: mail.text.replaceAll("{name}", () => name ?? address),
    });
    // Between the server's 250 and the end of this line lies what SMTP cannot promise: see README.md.
    await journal.note("sent", messageId, response);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    await journal.note("refused", messageId, refusal);
  }
}

/** What the server said when it will never take this message (5xx to the recipient or the text); not of 4xx. */
function refusalOf(error: unknown): string | undefined {
  const said = z
    .object({
      code: z.enum(["EENVELOPE", "EMESSAGE"]),
      responseCode: z.number().min(500),
      response: z.string(),
    })
    .safeParse(error);
  return said.success ? said.data.response : undefined;
}

async function sendAll({ recipients, ...mail }: z.output<typeof batchSchema>) {
  // One address, one mail, also when the list has it twice.
  const messages = new Map(
    recipients.map((recipient) => [messageIdOf(mail.key, recipient.address), recipient]),
  );
  const tried = await Promise.allSettled([...messages].map(([id, recipient]) => send(mail, recipient, id)));
  const failure = tried.find((one) => one.status === "rejected");
  if (failure) throw failure.reason;
  const entries = [...messages].map(([id, { address }]) => ({ address, ...journal.of(id) }));
  return {
    accepted: entries.filter(({ fate }) => fate === "sent").length,
    repeated: entries.filter(({ sendings = 0 }) => sendings > 1).length,
    refused: entries.flatMap(({ address, fate, response = "" }) =>
      fate === "refused" ? [{ address, response }] : [],
    ),
  };
}

function isOurs({ headers }: IncomingMessage): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(headers.authorization ?? ""), hash(`Bearer ${env.MAILER_TOKEN}`));
}

async function answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
  if (!isOurs(request)) return { status: 401, body: { error: "not with this token" } };
  if (request.method !== "POST" || request.url !== "/batches")
    return { status: 404, body: { error: "not here" } };
  const batch = batchSchema.safeParse(await json(request).catch(() => undefined));
  if (!batch.success) return { status: 400, body: { error: z.prettifyError(batch.error) } };
  try {
    return { status: 200, body: await sendAll(batch.data) };
  } catch (error) {
    console.error(error);
    return { status: 503, body: { error: "the mail server is away, or wants it later" } };
  }
}

const server = createServer((request, response) => {
  void answer(request).then(({ status, body }) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
});
server.listen(env.PORT, "127.0.0.1", () => console.log(`mailer on http://127.0.0.1:${env.PORT}`));
