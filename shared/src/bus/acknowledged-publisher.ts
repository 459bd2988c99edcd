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
    nats.subscribe(`${this.#inbox}.*`, { callback: (_error, message) => this.#answered(message) });
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
    const refusal = refusalIn(message);
    if (refusal) pending.reject(refused(pending.subject, refusal));
    else pending.resolve();
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

function refused(subject: string, { words, code }: { words: string; code: number }): PublicationRefused {
  return new PublicationRefused(`JetStream refused ${subject}: ${words} (code ${code})`, { full: FULL_CODES.has(code) });
}

/** undefined: acknowledged (`{"stream": ..., "seq": ...}`). An answer that cannot be read is no acknowledgement. */
function refusalIn(message: Msg): { words: string; code: number } | undefined {
  try {
    const answer = message.json<{ stream?: string; error?: { err_code?: number; description?: string } }>();
    if (answer.error) return { words: answer.error.description ?? 'no reason given', code: answer.error.err_code ?? 0 };
    return answer.stream ? undefined : { words: 'the answer names no stream', code: 0 };
  } catch {
    return { words: 'the answer is not JSON', code: 0 };
  }
}
