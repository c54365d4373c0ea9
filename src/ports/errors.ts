/** The queue did not take the message; the due entry makes up for it. */
export class QueueUnavailable extends Error {
  override readonly name = "QueueUnavailable";
}

/** The queue will never take the call: it is too large for its plan, or the address is invalid. */
export class CallRefused extends Error {
  override readonly name = "CallRefused";
}

/** Redis did not answer: it is unknown whether the script ran. */
export class StoreUnavailable extends Error {
  override readonly name: string = "StoreUnavailable";
}

/** Redis holds data of a newer version of the gateway, which this version would damage. */
export class StorageTooNew extends StoreUnavailable {
  override readonly name = "StorageTooNew";

  constructor(found: number, own: number) {
    super(`Redis holds storage version ${found}, this gateway knows ${own}.`);
  }
}

/** Redis rejects this request permanently. */
export class StoreRefused extends Error {
  override readonly name: string = "StoreRefused";
}

/** The data to store is larger than Redis takes in one request: nothing was written. */
export class RequestTooLarge extends StoreRefused {
  override readonly name = "RequestTooLarge";
}

/** No configured master secret decrypts the data in Redis, or the data was damaged. */
export class Undecryptable extends Error {
  override readonly name = "Undecryptable";
}
