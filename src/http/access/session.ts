import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { Dependencies } from "../../ports/dependencies.ts";
import type { Sessions } from "../../ports/keyring.ts";
import { SESSION_LIFE, type Session } from "../../projects/session.ts";
import { hex, utf8 } from "../../shared/bytes.ts";

/**
 * The cookie of the console. `__Host-` keeps other hosts of the domain from setting it. Chromium and Firefox take
 * `Secure` on loopback over http, too.
 */
const COOKIE = "ringback-console";

/** A page of another origin cannot send it without asking first, and is told no. */
export const REQUEST_HEADER = "Ringback-Request";

/** The parts that read a session. */
export type SessionParts = Pick<Dependencies, "settings" | "clock" | "hashes"> & {
  readonly keyring: Sessions;
};

/** Identifies the admin token in sessions. */
export async function adminHash({
  hashes,
  settings,
}: Pick<Dependencies, "hashes" | "settings">): Promise<string> {
  return hex(await hashes.sha256(utf8(settings.adminToken)));
}

/** Gives the browser a session; returns when it ends. */
export async function startSession(
  c: Context,
  { keyring, clock }: SessionParts,
  owner: Session["owner"],
): Promise<Session> {
  const session = { owner, expiresAt: clock() + SESSION_LIFE };
  setCookie(c, COOKIE, await keyring.sealSession(session), {
    prefix: "host",
    path: "/",
    secure: true,
    httpOnly: true,
    sameSite: "Strict",
    maxAge: SESSION_LIFE / 1_000,
  });
  return session;
}

export function endSession(c: Context): void {
  deleteCookie(c, COOKIE, { prefix: "host", path: "/", secure: true, httpOnly: true, sameSite: "Strict" });
}

/**
 * The valid session of a request. It needs the console's own header next to the cookie, and no `Authorization`, which
 * goes first.
 */
export async function sessionOf(c: Context, parts: SessionParts): Promise<Session | undefined> {
  if ((c.req.header("Authorization") ?? "") !== "" || c.req.header(REQUEST_HEADER) !== "1") return undefined;
  const text = getCookie(c, COOKIE, "host");
  const session = text === undefined ? undefined : await parts.keyring.openSession(text);
  if (!session || session.expiresAt <= parts.clock()) return undefined;
  const { owner } = session;
  if (owner.kind === "admin" && owner.hash !== (await adminHash(parts))) return undefined;
  return session;
}
