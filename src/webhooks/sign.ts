import type { Sign } from "../flow/ports.ts";

const PREFIX = "whsec_";

/** HMAC-SHA256 over `{id}.{timestamp}.{body}` (Standard Webhooks 1.0.0, "Signature scheme"). */
export const sign: Sign = async (secrets, id, sentAt, body) => {
  const content = new TextEncoder().encode(`${id}.${sentAt}.${body}`);
  const signatures = await Promise.all(
    secrets.map(async (secret) => {
      const key = await crypto.subtle.importKey(
        "raw",
        bytesOf(secret),
        { name: "HMAC", hash: "SHA-256" },
        false,
        ["sign"],
      );
      const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, content));
      return `v1,${btoa(String.fromCharCode(...mac))}`;
    }),
  );
  return signatures.join(" ");
};

function bytesOf(secret: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(secret.slice(PREFIX.length)), (char) => char.charCodeAt(0));
}
