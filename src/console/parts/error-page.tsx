import { BASE } from "../api/request.ts";

/** Leads to the page that explains every error code of tasks. */
export function ErrorPage() {
  return (
    <p class="faint">
      <a href={`${BASE}/problems#error-codes-of-tasks`} target="_blank" rel="noreferrer">
        What do the error codes mean?
      </a>
    </p>
  );
}
