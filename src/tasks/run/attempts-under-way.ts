/** An attempt of a task, as the log names it. */
export interface AttemptName {
  readonly task: string;
  readonly run: number;
  readonly attempt: number;
}

const attempts = new Set<AttemptName>();

/** Counts an attempt as under way in this process until the work has ended; a handler may outlive its attempt. */
export async function underWay<T>(
  { id: task, run, attempt }: { readonly id: string; readonly run: number; readonly attempt: number },
  work: () => T | Promise<T>,
): Promise<T> {
  const name = { task, run, attempt };
  attempts.add(name);
  try {
    return await work();
  } finally {
    attempts.delete(name);
  }
}

/** The attempts that are under way in this process, each once. */
export function attemptsUnderWay(): readonly AttemptName[] {
  return [...new Map([...attempts].map((one) => [`${one.task} ${one.run} ${one.attempt}`, one])).values()];
}
