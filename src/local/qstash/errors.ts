import type { ContentfulStatusCode } from "hono/utils/http-status";

/** A refusal in QStash's shape: the status and `{"error": message}`. */
export class QStashError extends Error {
  readonly status: ContentfulStatusCode;

  constructor(status: ContentfulStatusCode, message: string) {
    super(message);
    this.name = "QStashError";
    this.status = status;
  }
}

export const badRequest = (message: string): QStashError => new QStashError(400, message);
export const notFound = (what: string): QStashError => new QStashError(404, `${what} not found`);

/** A quota or size limit of the plan: QStash answers 412, and nobody should try again. */
export const overLimit = (message: string): QStashError => new QStashError(412, message);
