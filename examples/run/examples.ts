import { type Example, example, submit } from "./example.ts";

const local = (port: number): string => `http://127.0.0.1:${port}`;
const TOKEN = "a-token-for-local-runs-only";

/** The worked examples, by the name of their folder. */
export const EXAMPLES: Readonly<Record<string, Example>> = {
  "data-processing": example({
    ports: { orders: 3000 },
    programs: ({ orders }) => [{ file: "orders.ts", env: { PORT: `${orders}` }, ready: /orders on/ }],
    variables: () => ({}),
    commands: ({ orders }) => [
      submit({
        type: "csv.summarize",
        input: { url: `${local(orders)}/orders.csv`, groupBy: "region", sum: "amount" },
      }),
    ],
  }),
  "report-generation": example({
    ports: {},
    programs: () => [],
    variables: () => ({}),
    commands: () => [
      `${submit(
        {
          type: "report.draw",
          input: {
            title: "Sales by shop",
            subtitle: "January to November 2026",
            columns: [
              { title: "Shop" },
              { title: "Orders", kind: "number", total: true },
              { title: "Amount, EUR", kind: "number", decimals: 2, total: true },
            ],
            rows: [
              ["Berlin", 310, 48_210.5],
              ["Köln", 187, 30_115],
              ["Łódź", 95, 12_020.75],
            ],
            chart: { label: "Shop", value: "Amount, EUR" },
          },
        },
        "wait=20",
      )} \\
  | jq -r .result.content | base64 -d > report.pdf`,
    ],
  }),
  "video-encoding": example({
    needs: { ffmpeg: "ffmpeg", ffprobe: "ffmpeg" },
    ports: { encoder: 2590, clip: 3000 },
    programs: ({ encoder, clip }, folder) => [
      { file: "clip.ts", env: { PORT: `${clip}`, FILES: folder }, ready: /clip on/ },
      {
        file: "encoder.ts",
        env: { PORT: `${encoder}`, ENCODER_TOKEN: TOKEN, FILES: folder },
        ready: /encoder on/,
      },
    ],
    variables: ({ encoder }) => ({ ENCODER_URL: local(encoder), ENCODER_TOKEN: TOKEN }),
    commands: ({ clip }) => [submit({ type: "video.encode", input: { url: `${local(clip)}/clip.mp4` } })],
  }),
  "bulk-mail": example({
    ports: { smtp: 2525, mailbox: 2526, mailer: 2580 },
    programs: ({ smtp, mailbox, mailer }, folder) => [
      { file: "mailbox.ts", env: { SMTP_PORT: `${smtp}`, HTTP_PORT: `${mailbox}` }, ready: /mailbox smtp/ },
      {
        file: "mailer.ts",
        env: {
          PORT: `${mailer}`,
          SMTP_URL: `smtp://127.0.0.1:${smtp}`,
          MAIL_FROM: "news@shop.example",
          MAILER_TOKEN: TOKEN,
          JOURNAL: `${folder}/mail.journal`,
        },
        ready: /mailer on/,
      },
    ],
    variables: ({ mailer }) => ({ MAILER_URL: local(mailer), MAILER_TOKEN: TOKEN }),
    commands: ({ mailbox }) => [
      submit(
        {
          type: "mail.send",
          input: {
            subject: "News",
            text: "Dear {name}, it is here.",
            recipients: [{ address: "ada@example.com", name: "Ada" }, { address: "refuse@example.com" }],
          },
        },
        "wait=20",
      ),
      `curl -s ${local(mailbox)}/messages`,
    ],
  }),
  "payment-verification": example({
    ports: { bank: 2600 },
    programs: ({ bank }) => [
      { file: "bank.ts", env: { PORT: `${bank}`, BANK_TOKEN: TOKEN }, ready: /bank on/ },
    ],
    variables: ({ bank }) => ({ BANK_URL: local(bank), BANK_TOKEN: TOKEN }),
    commands: () => [
      submit(
        { type: "payment.verify", input: { paymentId: "pay_1", amount: 4_900, currency: "EUR" } },
        "wait=20",
      ),
    ],
  }),
  "chat-agent": example({
    ports: { suppliers: 2610, agent: 2620 },
    programs: ({ suppliers }) => [
      { file: "suppliers.ts", env: { PORT: `${suppliers}` }, ready: /suppliers on/ },
    ],
    clients: ({ agent }, folder, { url, key }) => [
      {
        file: "agent.ts",
        env: {
          PORT: `${agent}`,
          GATEWAY_URL: url,
          GATEWAY_KEY: key,
          CONVERSATIONS: `${folder}/conversations.jsonl`,
        },
        ready: /agent on/,
      },
    ],
    variables: ({ suppliers }) => ({ SUPPLIERS_URL: local(suppliers) }),
    commands: ({ agent }) => [
      `curl -s ${local(agent)}/chat -d '{"text":"Find me the best price for a desk lamp."}' | tee chat.json`,
      `curl -sN ${local(agent)}/conversations/$(jq -r .conversation chat.json)/events`,
    ],
  }),
};
