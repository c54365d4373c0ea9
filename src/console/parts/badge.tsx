/** The look of each word for a state; the word itself is always shown. */
const TONES: Readonly<Record<string, string>> = {
  succeeded: "good",
  delivered: "good",
  healthy: "good",
  ok: "good",
  verified: "good",
  failed: "bad",
  dead: "bad",
  expired: "bad",
  failing: "bad",
  disabled: "bad",
  "circuit-open": "bad",
  running: "busy",
  pending: "busy",
  waiting: "busy",
  canceled: "dull",
  paused: "warn",
  held: "warn",
  degraded: "warn",
  unverified: "warn",
};

const SIGNS: Readonly<Record<string, string>> = { good: "✓", bad: "✕", busy: "●", warn: "!", dull: "–" };

/** A state, by its word, a sign and a colour. */
export function Badge({ state, label = state }: { readonly state: string; readonly label?: string }) {
  const tone = (Object.hasOwn(TONES, state) ? TONES[state] : undefined) ?? "plain";
  return (
    <span class={`badge ${tone}`}>
      <span aria-hidden="true">{SIGNS[tone] ?? "○"}</span> {label}
    </span>
  );
}
