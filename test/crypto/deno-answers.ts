import { nodeCrypto } from "../../src/adapters/crypto/node-crypto.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { answersOf, misread, sealedBy } from "./answers.ts";

/* Runs on Deno: prints what both providers answer there, and how they read the texts whose file is given. */

const sealed = JSON.parse(await Deno.readTextFile(Deno.args[0] ?? "")) as readonly string[];
const both = [webCrypto, nodeCrypto];
console.log(
  JSON.stringify({
    answers: await Promise.all(both.map(answersOf)),
    sealed: await Promise.all(both.map(sealedBy)),
    misread: await Promise.all(both.map((provider) => misread(provider, sealed))),
  }),
);
