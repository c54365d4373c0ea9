import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onPress?: () => void;
  readonly busy?: boolean;
  /** Why it cannot be pressed. */
  readonly obstacle?: string | undefined;
  readonly kind?: "primary" | "danger" | "plain" | "quiet";
  readonly submit?: boolean;
  /** Its subject, for screen readers, where several buttons have the same words. */
  readonly about?: string;
}

/** It can always be focused, so that a keyboard or screen reader finds out why it cannot be pressed. */
export function Button({ children, onPress, busy, obstacle, kind = "plain", submit, about }: ButtonProps) {
  const off = busy === true || obstacle !== undefined;
  return (
    <button
      type={submit ? "submit" : "button"}
      class={`button ${kind}`}
      aria-disabled={off}
      aria-busy={busy === true}
      {...(obstacle !== undefined && { title: obstacle })}
      onClick={(event) => {
        if (off) event.preventDefault();
        else onPress?.();
      }}
    >
      {busy && <span class="spinner" aria-hidden="true" />}
      {children}
      {about !== undefined && <span class="hidden"> {about}</span>}
      {obstacle !== undefined && <span class="hidden">. {obstacle}</span>}
    </button>
  );
}

/** Copies a text, and says so. */
export function Copy({
  text,
  label = "Copy",
  kind = "quiet",
}: {
  readonly text: string;
  readonly label?: string;
  readonly kind?: "quiet" | "plain";
}) {
  const [said, say] = useState("");
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => say("Copied"),
      () => say("The browser forbids copying"),
    );
    setTimeout(() => say(""), 2_000);
  };
  return (
    <button type="button" class={`button ${kind}`} onClick={copy}>
      <span aria-live="polite">{said === "" ? label : said}</span>
    </button>
  );
}
