import process from "node:process";
import { Connection } from "../../client/connection.ts";
import { Ringback } from "../../client/index.ts";
import { CALL } from "./call.ts";
import { UsageError } from "./failure.ts";
import { warn } from "./output.ts";

/** The options that every command takes. */
export interface CommonOptions {
  readonly url?: string;
  readonly key?: string;
  readonly project?: string;
  readonly json?: boolean;
}

/** The gateway of a command, and the credential for it. */
export interface Session {
  readonly url: string;
  readonly ringback: Ringback;
  readonly connection: Connection;
  readonly json: boolean;
}

const LOCAL_GATEWAY = "http://127.0.0.1:8787";

/** A command is waited for: it gives up sooner than a server. */
const RETRIES = 3;

/**
 * The gateway that the options or the variables name. An option wins over a variable. The API key wins over the admin
 * token, except where a command needs that.
 *
 * @param wants `admin` for a command that an API key cannot do
 * @param named whether `--project` selects the project of the request
 * @throws UsageError
 */
export function openSession(
  { url: givenUrl, key: givenKey, project, json = false }: CommonOptions,
  wants: "key" | "admin" = "key",
  named = true,
): Session {
  const url = addressOf(givenUrl ?? (process.env["RINGBACK_URL"] || LOCAL_GATEWAY));
  const apiKey = givenKey ?? credential(wants);
  if (!/^[!-~]+$/.test(apiKey)) throw new UsageError("the key must be printable ASCII without spaces");
  const isAdmin = !apiKey.startsWith("rb_");
  if (named && project !== undefined && !isAdmin) {
    warn(
      "--project has no effect with an API key, which belongs to one project. It selects one for the admin token.",
    );
  }
  const options = {
    url,
    apiKey,
    retries: RETRIES,
    ...(named && isAdmin && project !== undefined && { project }),
  };
  return { url, json, ringback: new Ringback(options), connection: new Connection(options) };
}

/** @throws UsageError when no variable has one */
function credential(wants: "key" | "admin"): string {
  const key = process.env["RINGBACK_API_KEY"] || undefined;
  const token = process.env["RINGBACK_ADMIN_TOKEN"] || undefined;
  const found = wants === "admin" ? (token ?? key) : (key ?? token);
  if (found !== undefined) return found;
  throw new UsageError(
    wants === "admin"
      ? "no admin token: give it with --key, or set RINGBACK_ADMIN_TOKEN"
      : `no API key: give it with --key, or set RINGBACK_API_KEY ("${CALL} dev" prints one, "${CALL} keys create" makes one)`,
  );
}

function addressOf(text: string): string {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol)) return text.replace(/\/+$/, "");
  throw new UsageError("--url (or RINGBACK_URL) must be an address such as https://ringback.example.com");
}

/** Whether a gateway at that address reaches a server on this machine. */
export function isHere(url: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}
