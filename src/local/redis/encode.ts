import { type Reply, ReplyError, SimpleString } from "../engine.ts";

export type Encoding = "plain" | "base64";
type Json = string | number | null | Json[];
/** One command's answer as the REST API gives it. */
export type Answer = { readonly result: Json } | { readonly error: string };

/** A reply as JSON: with base64 every string is encoded, save the status `OK` at the top. */
export function toAnswer(reply: Reply, encoding: Encoding): Answer {
  if (reply instanceof ReplyError) return { error: reply.message };
  if (reply instanceof SimpleString && reply.text === "OK") return { result: "OK" };
  return { result: toJson(reply, encoding) };
}

function toJson(reply: Reply, encoding: Encoding): Json {
  if (reply === null || typeof reply === "number") return reply;
  if (Array.isArray(reply)) return reply.map((item) => toJson(item, encoding));
  if (Buffer.isBuffer(reply)) return reply.toString(encoding === "base64" ? "base64" : "utf8");
  const text = reply instanceof SimpleString ? reply.text : reply.message;
  return encoding === "base64" ? Buffer.from(text).toString("base64") : text;
}

/** A reply as RESP2 has it on the wire. */
export function toResp2(reply: Reply): Buffer {
  if (reply === null) return Buffer.from("$-1\r\n");
  if (typeof reply === "number") return Buffer.from(`:${reply}\r\n`);
  if (reply instanceof SimpleString) return Buffer.from(`+${reply.text}\r\n`);
  if (reply instanceof ReplyError) return Buffer.from(`-${reply.message}\r\n`);
  if (Array.isArray(reply))
    return Buffer.concat([Buffer.from(`*${reply.length}\r\n`), ...reply.map(toResp2)]);
  return Buffer.concat([Buffer.from(`$${reply.length}\r\n`), reply, Buffer.from("\r\n")]);
}
