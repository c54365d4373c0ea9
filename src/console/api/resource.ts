import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { failureIn, type RequestFailure } from "./request.ts";

/** What a page knows of something that it reads: the newest value stays while it is read again, or when that fails. */
export interface Resource<Value> {
  readonly value: Value | undefined;
  readonly failure: RequestFailure | undefined;
  /** Whether a request is under way. */
  readonly loading: boolean;
  /** When the value was read, milliseconds. */
  readonly at: number;
  readonly reload: () => void;
}

interface State<Value> {
  readonly key: string;
  readonly value: Value | undefined;
  readonly failure: RequestFailure | undefined;
  readonly loading: boolean;
  readonly at: number;
}

/**
 * Reads something, again whenever its key changes, and every so often while the page is visible.
 *
 * @param key what is read; undefined: nothing is
 * @param read is given a signal that aborts when its answer is not wanted any more
 * @param every milliseconds; 0: only once
 */
export function useResource<Value>(
  key: string | undefined,
  read: (signal: AbortSignal) => Promise<Value>,
  every = 0,
): Resource<Value> {
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState<State<Value>>(() => blank(key ?? ""));
  const newest = useRef(read);
  newest.current = read;
  // Asked for while a reading is under way, the next one follows it: a slow answer is not thrown away again and again.
  const underWay = useRef(false);
  const again = useRef(false);
  const reload = useCallback(() => {
    if (underWay.current) again.current = true;
    else setTurn((number) => number + 1);
  }, []);
  useEffect(() => {
    if (key === undefined) return;
    const control = new AbortController();
    underWay.current = true;
    again.current = false;
    setState((before) => (before.key === key ? { ...before, loading: true } : blank(key)));
    const settle = (found: Partial<State<Value>>): void => {
      if (control.signal.aborted) return;
      underWay.current = false;
      setState((before) => ({ ...before, loading: false, ...found }));
      if (again.current) reload();
    };
    Promise.resolve(control.signal)
      .then((signal) => newest.current(signal))
      .then(
        (value) => settle({ value, failure: undefined, at: Date.now() }),
        (error: unknown) => settle({ failure: failureIn(error) }),
      );
    return () => {
      underWay.current = false;
      control.abort();
    };
  }, [key, turn, reload]);
  useRepeat(reload, state.loading ? 0 : every);
  const mine = state.key === (key ?? "");
  return { ...(mine ? state : blank<Value>(key ?? "")), reload };
}

function blank<Value>(key: string): State<Value> {
  return { key, value: undefined, failure: undefined, loading: key !== "", at: 0 };
}

/** Calls again after so long, while the page is visible; 0: never. */
export function useRepeat(call: () => void, every: number): void {
  useEffect(() => {
    if (every === 0) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") call();
    }, every);
    return () => clearInterval(timer);
  }, [call, every]);
}

/** An action that a person starts: whether it is under way, and how it failed. */
export interface Action<Args extends readonly unknown[]> {
  readonly run: (...args: Args) => void;
  readonly busy: boolean;
  readonly failure: RequestFailure | undefined;
  readonly forget: () => void;
}

/** A second press while the first is under way does nothing. */
export function useAction<Args extends readonly unknown[]>(
  act: (...args: Args) => Promise<void>,
): Action<Args> {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<RequestFailure>();
  const underWay = useRef(false);
  const run = (...args: Args): void => {
    if (underWay.current) return;
    underWay.current = true;
    setBusy(true);
    setFailure(undefined);
    act(...args)
      .catch((error: unknown) => setFailure(failureIn(error)))
      .finally(() => {
        underWay.current = false;
        setBusy(false);
      });
  };
  return { run, busy, failure, forget: () => setFailure(undefined) };
}
