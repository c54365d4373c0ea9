/** The queue did not take the message; the due entry makes up for it. */
export class QueueUnavailable extends Error {
  override readonly name = "QueueUnavailable";
}

/** The queue will never take the call: it is too large for its plan, or it finds the address impossible. */
export class CallRefused extends Error {
  override readonly name = "CallRefused";
}

/** Redis did not answer: it is unknown whether the script ran. */
export class StoreUnavailable extends Error {
  override readonly name: string = "StoreUnavailable";
}

/** Redis holds what a newer version of the gateway has stored, and this one would damage. */
export class StorageTooNew extends StoreUnavailable {
  override readonly name = "StorageTooNew";

  constructor(found: number, own: number) {
    super(`Redis holds storage version ${found}, this gateway knows ${own}.`);
  }
}

/** Redis answered that it will not do this, however often it is asked. */
export class StoreRefused extends Error {
  override readonly name: string = "StoreRefused";
}

/** What was to be stored is more than Redis takes in one request: nothing was written. */
export class RequestTooLarge extends StoreRefused {
  override readonly name = "RequestTooLarge";
}

/** No configured master secret opens what lies encrypted in Redis, or it was damaged. */
export class Undecryptable extends Error {
  override readonly name = "Undecryptable";
}
