import type { ComponentChildren } from "preact";
import { Copy } from "./button.tsx";

/** A secret that was just made, with what to do with it. */
export function Secret({
  name,
  value,
  children,
}: {
  readonly name: string;
  readonly value: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="secret">
      <strong>{name}</strong>
      <p>
        <code class="break">{value}</code> <Copy text={value} />
      </p>
      <p class="faint">{children}</p>
    </div>
  );
}
