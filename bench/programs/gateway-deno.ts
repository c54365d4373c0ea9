import { nodeCrypto } from "../../src/adapters/crypto/node-crypto.ts";
import { sendToVetted } from "../../src/adapters/egress/deno-send.ts";
import { worker } from "../../src/runtime/workers.ts";
import { deployment } from "./deployment.ts";

/**
 * The gateway as it runs on Deno: requests to clients go to the addresses that were checked, cryptography is
 * synchronous, and concurrent callers share requests to Redis.
 */
export default worker(deployment({ send: sendToVetted, crypto: nodeCrypto, sharesRequests: true }));
