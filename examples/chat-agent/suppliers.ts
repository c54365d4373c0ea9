import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/*
 * A stand-in for suppliers that take their time: 18 offers, one after the other, take JOB_SECONDS, three minutes unless
 * set.
 */

const SUPPLIERS = 18;
const port = Number(process.env["PORT"] ?? 2610);
const seconds = Number(process.env["JOB_SECONDS"] ?? 180);

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://suppliers");
  const [, number] = /^\/suppliers\/(\d+)\/offer$/.exec(url.pathname) ?? [];
  void sleep((1_000 * seconds) / SUPPLIERS).then(() => {
    if (number === undefined) return response.writeHead(404).end();
    // The same article has the same price at the same supplier, so a second attempt finds what the first one found.
    const offer = {
      supplier: `Supplier ${number}`,
      price: 1_900 + ((Number(number) * 577 + url.search.length * 31) % 800),
      days: 1 + (Number(number) % 5),
    };
    return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(offer));
  });
});
server.listen(port, "127.0.0.1", () => console.log(`suppliers on http://127.0.0.1:${port}`));
