// Publishes to JetStream and waits for the acknowledgement, many at a time over one subscription. The client's own request() makes two errors with
// stack traces ahead for each publication, which was 4 % of the receiver's processor time (measured).
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { PublicationRefused, PublicationUnknown } from '../errors.ts';

interface Pending {
  readonly subject: string;
  readonly deadline: number;
  resolve(): void;
  reject(error: Error): void;
}

/** Deadlines are looked at this often: no timer for each publication. */
const LOOK_EVERY_MS = 100;
const NO_RESPONDERS = 503;
/** Errors of the server (err_code) that time alone does not mend: insufficient resources, storage exceeded, store failed (maximum messages or bytes, disk full). */
const FULL_CODES = new Set([10_023, 10_047, 10_077]);
const DUPLICATE_IN_FLIGHT = 10_158;

export class AcknowledgedPublisher {
  readonly #nats: NatsConnection;
  readonly #onNoStream: () => void;
  readonly #inbox = createInbox();
  readonly #pending = new Map<string, Pending>();
  readonly #clock: NodeJS.Timeout;
  #count = 0;

  /** `onNoStream` is called when nobody takes a subject: the stream is missing, or has no leader. */
  constructor(nats: NatsConnection, onNoStream: () => void) {
    this.#nats = nats;
    this.#onNoStream = onNoStream;
    nats.subscribe(`${this.#inbox}.*`, { callback: (error, message) => (error ? undefined : this.#answered(message)) });
    this.#clock = setInterval(() => this.#endLate(), LOOK_EVERY_MS);
    this.#clock.unref();
  }

  publish(to: { subject: string; headers: MsgHdrs; timeoutMs: number }, body: string): Promise<void> {
    const token = String(this.#count++);
    return new Promise((resolve, reject) => {
      this.#pending.set(token, { subject: to.subject, deadline: performance.now() + to.timeoutMs, resolve, reject });
      try {
        this.#nats.publish(to.subject, body, { reply: `${this.#inbox}.${token}`, headers: to.headers });
      } catch (error) {
        this.#pending.delete(token);
        reject(new PublicationRefused(`${to.subject} was not published`, { cause: error, full: false }));
      }
    });
  }

  /** What was under way has an unknown outcome: it may have reached the server. */
  connectionLost(): void {
    for (const { subject, reject } of this.#pending.values())
      reject(new PublicationUnknown(`connection lost before ${subject} was acknowledged`));
    this.#pending.clear();
  }

  close(): void {
    clearInterval(this.#clock);
    this.connectionLost();
  }

  #answered(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1);
    const pending = this.#pending.get(token);
    if (!pending) return;
    this.#pending.delete(token);
    if (message.headers?.code === NO_RESPONDERS) {
      this.#onNoStream();
      pending.reject(new PublicationRefused(`JetStream has no stream for ${pending.subject}`, { full: false }));
      return;
    }
    const answer = answerIn(message);
    if (answer && isInFlight(answer)) pending.reject(new PublicationUnknown(`an earlier try of ${pending.subject} is not stored yet`));
    else if (answer?.error) pending.reject(refused(pending.subject, answer.error));
    else if (answer?.stream) pending.resolve();
    else pending.reject(new PublicationUnknown(`the answer to ${pending.subject} cannot be read`));
  }

  #endLate(): void {
    const now = performance.now();
    for (const [token, { deadline, subject, reject }] of this.#pending) {
      if (deadline > now) continue;
      this.#pending.delete(token);
      reject(new PublicationUnknown(`no acknowledgement for ${subject} in time`));
    }
  }
}

interface Answer {
  readonly stream?: string;
  readonly seq?: number;
  readonly error?: { readonly err_code?: number; readonly description?: string };
}

/**
 * A leader notes a message id with sequence 0 when it proposes the message, and answers a repeat from that note: nats-server 2.9 with an acknowledgement, newer ones
 * with an error. The proposal may still go down with the leader.
 */
const isInFlight = ({ stream, seq, error }: Answer): boolean =>
  error ? error.err_code === DUPLICATE_IN_FLIGHT : stream !== undefined && seq === 0;

function refused(subject: string, { description = 'no reason given', err_code = 0 }: NonNullable<Answer['error']>): PublicationRefused {
  return new PublicationRefused(`JetStream refused ${subject}: ${description} (code ${err_code})`, { full: FULL_CODES.has(err_code) });
}

/** undefined: not JSON. Neither acknowledgement nor refusal is guessed from it. */
function answerIn(message: Msg): Answer | undefined {
  try {
    return message.json<Answer>();
  } catch {
    return undefined;
  }
}
