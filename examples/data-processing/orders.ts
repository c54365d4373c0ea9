import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/* Serves a CSV of 8 million orders (200 MB), or of ROWS, for trying it. Each line has 25 bytes. */

const HEAD = "order,region,amount\n";
const LINE = 25;
const port = Number(process.env["PORT"] ?? 3000);
const rows = Number(process.env["ROWS"] ?? 8_000_000);

/** Amounts from 100.00 to 999.99, in seven regions. */
function* lines() {
  yield HEAD;
  for (let from = 0; from < rows; from += 2_000) {
    let text = "";
    for (let at = from; at < Math.min(rows, from + 2_000); at += 1)
      text += `${`${at}`.padStart(8, "0")},region ${at % 7},${100 + (at % 900)}.${`${at % 100}`.padStart(2, "0")}\n`;
    yield text;
  }
}

const server = createServer((request, response) => {
  if (request.url !== "/orders.csv") return response.writeHead(404).end();
  response.writeHead(200, { "content-type": "text/csv", "content-length": HEAD.length + LINE * rows });
  // The reader may go away in the middle: that is its right.
  return void pipeline(Readable.from(lines()), response).catch((error: Error) =>
    console.error(error.message),
  );
});
server.listen(port, "127.0.0.1", () => console.log(`orders on http://127.0.0.1:${port}/orders.csv`));
