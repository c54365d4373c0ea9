import { VARIABLES } from "../config/config.ts";
import { seemsOurs } from "../config/variable-names.ts";
import { DEVELOPMENT } from "./stack/admin.ts";
import type { Variables } from "./stack/services.ts";

/**
 * The variables of a local gateway: the caller's own settings, also misspelt ones, with the variables that
 * `RINGBACK_SERVICES` names, over the defaults of a local run, and the services that were started for it.
 */
export function gatewayVariables(services: Variables, url: string): Variables {
  const named = new Set(
    [...(process.env["RINGBACK_SERVICES"] ?? "").matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name ?? ""),
  );
  const given = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      (/^(UPSTASH_|QSTASH_)/.test(entry[0]) || seemsOurs(entry[0], VARIABLES) || named.has(entry[0])) &&
      Boolean(entry[1]),
  );
  return {
    RINGBACK_MASTER_SECRET: DEVELOPMENT.masterSecret,
    RINGBACK_ADMIN_TOKEN: DEVELOPMENT.adminToken,
    RINGBACK_CALLBACK_POLICY: "local",
    RINGBACK_DIAGNOSTICS: "true",
    RINGBACK_PUBLIC_URL: url,
    ...Object.fromEntries(given),
    ...services,
  };
}
