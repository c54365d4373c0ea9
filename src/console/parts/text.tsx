import { useState } from "preact/hooks";
import { number, pretty } from "../format.ts";
import { Copy } from "./button.tsx";

/** How much of a long text is shown at first: a browser is slow with megabytes. */
const SHOWN = 20_000;

/** A text of somebody else, as it is. */
export function Text({ label, text }: { readonly label: string; readonly text: string }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && text.length > SHOWN;
  return (
    <div class="text">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section tabIndex={0} aria-label={label}>
        <pre>{cut ? `${text.slice(0, SHOWN)}…` : text}</pre>
      </section>
      <div class="text-actions">
        {cut && (
          <button type="button" class="button quiet" onClick={() => setWhole(true)}>
            Show all {number(text.length)} characters
          </button>
        )}
        <Copy text={text} />
      </div>
    </div>
  );
}

/** A value, pretty-printed. */
export function Json({ label, value }: { readonly label: string; readonly value: unknown }) {
  return <Text label={label} text={pretty(value)} />;
}
