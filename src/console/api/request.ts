import type { ProblemBody } from "./types.ts";

/** The path below which the gateway is mounted; the console lies at `<base>/console`. */
export const BASE = location.pathname.replace(/\/console\/?$/, "");

/** An event of the window: an answer said that nobody is signed in, or no longer. */
export const REFUSED = "ringback-refused";

/** How long an answer may take before it is given up, milliseconds. The doctor takes up to 15 s. */
const PATIENCE = 30_000;

/** An answer that is not a success, or no answer. */
export class RequestFailure extends Error {
  /** 0: there was no answer. */
  readonly status: number;
  readonly problem: ProblemBody;
  /** Milliseconds, when the answer says how long to wait. */
  readonly retryAfter: number | undefined;

  constructor(status: number, problem: ProblemBody, retryAfter?: number, options?: ErrorOptions) {
    super(problem.detail ?? problem.title ?? `status ${status}`, options);
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

export interface Options {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Requests of one signed-in party, in one project. */
export interface Api {
  /** @throws RequestFailure */
  send<Answer>(path: string, options?: Options): Promise<Answer>;
  /** The answer as it comes, for streams. @throws RequestFailure */
  open(path: string, options?: Options): Promise<Response>;
}

/** @param project the id that the admin has picked */
export function createApi(project?: string): Api {
  const open = async (path: string, options: Options = {}): Promise<Response> => {
    const response = await answerTo(path, options, project);
    if (response.ok) return response;
    if (response.status === 401) dispatchEvent(new Event(REFUSED));
    throw await failureOf(response);
  };
  return {
    open,
    async send<Answer>(path: string, options: Options = {}) {
      const timeout = AbortSignal.timeout(PATIENCE);
      const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
      const response = await open(path, { ...options, signal });
      if (response.status === 204) return undefined as Answer; // the caller knows that there is no body
      return (await response.json()) as Answer; // the API keeps its schema
    },
  };
}

async function answerTo(path: string, options: Options, project: string | undefined): Promise<Response> {
  const { method = "GET", body, query = {}, signal } = options;
  const url = new URL(BASE + path, location.origin);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, `${value}`);
  try {
    return await fetch(url, {
      method,
      headers: {
        "Ringback-Request": "1",
        ...(project !== undefined && path.startsWith("/v1/") && { "Ringback-Project": project }),
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...options.headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  } catch (error) {
    if (options.signal?.aborted && !isTimeout(error)) throw error;
    throw noAnswer(error);
  }
}

function noAnswer(cause: unknown): RequestFailure {
  return new RequestFailure(0, isTimeout(cause) ? TOO_LATE : UNREACHABLE, undefined, { cause });
}

const TOO_LATE: ProblemBody = {
  title: "The gateway did not answer in time",
  detail: `No answer within ${PATIENCE / 1_000} seconds. It may be overloaded; try again later.`,
};

const UNREACHABLE: ProblemBody = {
  title: "The gateway cannot be reached",
  detail: "Is this computer online, and is the gateway running?",
};

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

async function failureOf(response: Response): Promise<RequestFailure> {
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfter = Number.isFinite(seconds) ? seconds * 1_000 : undefined;
  const text = await response.text();
  const problem = problemIn(text) ?? {
    title: `Status ${response.status}`,
    detail: "The answer is not one of the gateway. Is a proxy in between?",
  };
  return new RequestFailure(response.status, problem, retryAfter);
}

function problemIn(text: string): ProblemBody | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && "code" in parsed
      ? (parsed as ProblemBody)
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The failure of a request, also of one that failed in a way that nobody expected. */
export function failureIn(error: unknown): RequestFailure {
  if (error instanceof RequestFailure) return error;
  return new RequestFailure(0, {
    title: "The console made a mistake",
    detail: error instanceof Error ? error.message : String(error),
  });
}
