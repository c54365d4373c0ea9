import { QueueUnavailable } from "../../ports/ports.ts";

/** How long one request may take, in milliseconds: the SDK has no limit of its own. */
const TIMEOUT = 10_000;

/** The promise, or its end after ten seconds. @throws QueueUnavailable for whatever goes wrong */
export async function bounded<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("no answer")), TIMEOUT);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw new QueueUnavailable(`QStash did not take the message (${reasonOf(error)}).`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** The SDK's messages may quote requests: the status and the error's name are enough. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "error";
  return "status" in error ? `${error.name} ${String(error.status)}` : error.name;
}

/** The HTTP status that the queue answered with, where it did. */
export function statusOf(error: unknown): number | undefined {
  const cause = error instanceof QueueUnavailable ? error.cause : undefined;
  return cause instanceof Error && "status" in cause ? Number(cause.status) : undefined;
}
