// The two ways a step can fail, chosen where the failure is known. Messages carry numbers and UIDs, never a patient attribute.

/** Try again with delay: the cause may pass. An unknown outcome is transient too, because every step is idempotent. */
export class TransientError extends Error {
  override readonly name: string = 'TransientError';
  /** How long the other side asked to wait, ms (HTTP Retry-After). */
  readonly retryAfterMs?: number;
  constructor(message: string, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(message, options);
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** Trying again will not help: park the work and show it to an operator. */
export class PermanentError extends Error {
  override readonly name: string = 'PermanentError';
}

/** JetStream said no: the message is surely not stored. `full`: the stream refuses more; else nobody could take it (no connection, no leader, no stream) and that may pass soon. */
export class PublicationRefused extends TransientError {
  override readonly name = 'PublicationRefused';
  readonly full: boolean;
  constructor(message: string, options: ErrorOptions & { full: boolean }) {
    super(message, options);
    this.full = options.full;
  }
}

/** The acknowledgement did not come: the message may or may not be stored. */
export class PublicationUnknown extends TransientError {
  override readonly name = 'PublicationUnknown';
}

/** The object is not in the store. */
export class ObjectMissing extends PermanentError {
  override readonly name = 'ObjectMissing';
}

/** One line that tells what failed and why, with the chain of causes. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `: ${describeError(error.cause)}`;
  return `${error.message}${cause}`;
}
