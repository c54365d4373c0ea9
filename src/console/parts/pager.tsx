import { useState } from "preact/hooks";
import { counted } from "../format.ts";
import { Button } from "./button.tsx";

/** Where a list is: the cursors of the pages before, the last is that of the shown one. */
export interface Pages {
  readonly cursor: string | undefined;
  /** From 1. */
  readonly number: number;
  readonly forward: (cursor: string) => void;
  readonly back: () => void;
}

/** @param key another list begins with its first page */
export function usePages(key: string): Pages {
  const [state, setState] = useState<{ readonly key: string; readonly cursors: readonly string[] }>({
    key,
    cursors: [],
  });
  const cursors = state.key === key ? state.cursors : [];
  return {
    cursor: cursors.at(-1),
    number: cursors.length + 1,
    forward: (cursor) => setState({ key, cursors: [...cursors, cursor] }),
    back: () => setState({ key, cursors: cursors.slice(0, -1) }),
  };
}

interface PagerProps {
  readonly pages: Pages;
  readonly next: string | null;
  readonly count: number;
}

export function Pager({ pages, next, count }: PagerProps) {
  if (pages.number === 1 && next === null) return <p class="faint">{counted(count, "entry", "entries")}</p>;
  return (
    <nav class="pager" aria-label="Pages">
      <Button onPress={pages.back} obstacle={pages.number === 1 ? "This is the first page." : undefined}>
        Previous
      </Button>
      <span role="status">
        Page {pages.number}, {counted(count, "entry", "entries")}
      </span>
      <Button
        onPress={() => next !== null && pages.forward(next)}
        obstacle={next === null ? "This is the last page." : undefined}
      >
        Next
      </Button>
    </nav>
  );
}
