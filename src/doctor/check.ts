/** The checks, in the order in which they are shown. */
export const CHECKS = [
  "redis",
  "clock",
  "queue-token",
  "queue-delivery",
  "public-url",
  "sweep",
  "master-secret",
  "resolver",
  "slots",
] as const;

export type CheckName = (typeof CHECKS)[number];

/** The result of a check; `fix` says what to do. */
export type Finding =
  | { readonly ok: true; readonly detail: string }
  | { readonly ok: false; readonly detail: string; readonly fix: string };

export const fine = (detail: string): Finding => ({ ok: true, detail });
export const broken = (detail: string, fix: string): Finding => ({ ok: false, detail, fix });
export const NOT_USED = fine("not used");
