import { useEffect, useState } from "preact/hooks";
import { ago, clock } from "../format.ts";

/** The time, again every so many milliseconds. */
export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** How long ago something was, with its exact time for a pointer and for screen readers. */
export function Ago({ at }: { readonly at: string | undefined }) {
  const now = useNow(5_000);
  if (at === undefined) return <span class="faint">–</span>;
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={at}>
      {ago(time, now)}
    </time>
  );
}

/** A moment on this computer's clock. */
export function At({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={at}>
      {clock(Date.parse(at), Date.now())}
    </time>
  );
}
