const NOTHING_ELSE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** For every answer but the reference and the console: the problem pages carry their style inside and run no script. */
const STATIC_POLICY = `default-src 'none'; style-src 'unsafe-inline'; ${NOTHING_ELSE}`;

/**
 * For `/docs` alone. Its viewer is a script of this origin that adds its style as it runs, draws icons from `data:`
 * addresses, and sends its requests ("try it") to this gateway.
 */
const REFERENCE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  NOTHING_ELSE,
].join("; ");

/** For the documentation: its style, its script and its search are files of this origin. */
const GUIDES_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  NOTHING_ELSE,
].join("; ");

/** For `/console` alone: the same, and no text can become markup, even by a mistake of its script. */
const CONSOLE_POLICY = `${GUIDES_POLICY}; require-trusted-types-for 'script'; trusted-types 'none'`;

function policyOf(path: string): string {
  if (path === "/docs") return REFERENCE_POLICY;
  if (path === "/console") return CONSOLE_POLICY;
  // A drawing (SVG) has its style inside, and some browsers apply the policy of its answer to it.
  if (path.startsWith("/docs/guides/images/")) return STATIC_POLICY;
  return path === "/docs/guides" || path.startsWith("/docs/guides/") ? GUIDES_POLICY : STATIC_POLICY;
}

/** The headers that OWASP's cheat sheet on REST security asks for, for an answer at this path. */
export function secureHeaders(path: string): readonly (readonly [name: string, value: string])[] {
  return [
    ["Content-Security-Policy", policyOf(path)],
    ["Cross-Origin-Opener-Policy", "same-origin"],
    ["Cross-Origin-Resource-Policy", "same-origin"],
    ["Referrer-Policy", "no-referrer"],
    ["Strict-Transport-Security", "max-age=15552000; includeSubDomains"],
    ["X-Content-Type-Options", "nosniff"],
    ["X-Frame-Options", "DENY"],
  ];
}
