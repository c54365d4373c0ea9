import type { ComponentChildren } from "preact";
import { BASE, type RequestFailure } from "../api/request.ts";
import type { Resource } from "../api/resource.ts";
import { Button } from "./button.tsx";

/** Why a request failed: the problem's title, its detail, the faults in what was sent, and its page. */
export function Failure({
  failure,
  onRetry,
}: {
  readonly failure: RequestFailure;
  readonly onRetry?: () => void;
}) {
  const { title = "The request failed", detail, code, requestId, errors = [] } = failure.problem;
  return (
    <div class="failure" role="alert">
      <strong>{title}</strong>
      {detail !== undefined && <p>{detail}</p>}
      {errors.length > 0 && (
        <ul>
          {errors.map(({ pointer, detail: fault }) => (
            <li key={pointer + fault}>
              <code>{pointer}</code> {fault}
            </li>
          ))}
        </ul>
      )}
      <p class="faint">
        {code !== undefined && /^[a-z0-9-]+$/.test(code) && (
          <a href={`${BASE}/problems/${code}`} target="_blank" rel="noreferrer">
            What is {code}?
          </a>
        )}
        {requestId !== undefined && (
          <>
            {" "}
            Request <code>{requestId}</code>
          </>
        )}
      </p>
      {onRetry && <Button onPress={onRetry}>Try again</Button>}
    </div>
  );
}

/** A list without entries: what it would show, and what to do. */
export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

interface LoadedProps<Value> {
  readonly of: Resource<Value>;
  readonly children: (value: Value) => ComponentChildren;
  /** Lines of the placeholder. */
  readonly lines?: number;
}

/**
 * Shows what was read. Until then a placeholder; a failure is shown above the value that was read before, which stays.
 */
export function Loaded<Value>({ of, children, lines = 4 }: LoadedProps<Value>) {
  const { value, failure, reload } = of;
  return (
    <>
      {failure && <Failure failure={failure} onRetry={reload} />}
      {value !== undefined && children(value)}
      {value === undefined && !failure && of.loading && (
        <div class="skeleton" role="status">
          <span class="hidden">Loading…</span>
          {Array.from({ length: lines }, (_, line) => (
            <i key={line} />
          ))}
        </div>
      )}
    </>
  );
}
