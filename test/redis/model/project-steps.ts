import type { Answer, Of } from "./operations.ts";
import type { Model } from "./state.ts";

export function configure(model: Model, op: Of<"configure">): Answer {
  const { config } = model;
  if (config.nonce === op.nonce) return ["configured", config.version];
  if (config.version !== op.version) return ["changed"];
  model.config = { version: config.version + 1, nonce: op.nonce, paused: op.paused };
  return ["configured", model.config.version];
}

/** A key that was revoked is not made again: what made it comes late. */
export function grant(model: Model, op: Of<"grant">): Answer {
  if (!model.revoked.has(op.key)) model.keys.add(op.key);
  return ["granted"];
}

export function revoke(model: Model, op: Of<"revoke">): Answer {
  if (model.revoked.get(op.key) === op.nonce) return ["revoked"];
  if (!model.keys.delete(op.key)) return ["missing"];
  model.revoked.set(op.key, op.nonce);
  return ["revoked"];
}

export function limit(model: Model, op: Of<"limit">): Answer {
  if (model.quotaNonce !== op.nonce) {
    model.quota = op.maxOpen ?? undefined;
    model.quotaNonce = op.nonce;
  }
  return ["limited", model.quota ?? 0];
}
