import { nodeCrypto } from "../../src/adapters/crypto/node-crypto.ts";
import { sendToVetted } from "../../src/adapters/egress/deno-send.ts";
import { worker } from "../../src/runtime/workers.ts";
import { deployment } from "./deployment.ts";

/**
 * The gateway as it runs on Deno: requests to clients go to the addresses that were checked, and cryptography is
 * synchronous.
 */
export default worker(deployment({ send: sendToVetted, crypto: nodeCrypto }));
