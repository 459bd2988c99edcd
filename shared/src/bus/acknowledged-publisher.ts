// Publishes to JetStream and waits for the acknowledgement.
import type { Msg, MsgHdrs } from '@nats-io/transport-node';
import { PublicationRefused, PublicationUnknown } from '../errors.ts';
import { NO_RESPONDERS, type RepliedRequests, ReplyMissing } from './replied-requests.ts';

/** Errors of the server (err_code) that time alone does not mend: insufficient resources, storage exceeded, store failed (maximum messages or bytes, disk full). */
const FULL_CODES = new Set([10_023, 10_047, 10_077]);
const DUPLICATE_IN_FLIGHT = 10_158;

export class AcknowledgedPublisher {
  readonly #requests: RepliedRequests;
  readonly #onNoStream: () => void;

  /** `onNoStream` is called when nobody takes a subject: the stream is missing, or has no leader. */
  constructor(requests: RepliedRequests, onNoStream: () => void) {
    this.#requests = requests;
    this.#onNoStream = onNoStream;
  }

  /** Throws PublicationRefused (surely not stored) or PublicationUnknown. */
  async publish(to: { subject: string; headers?: MsgHdrs; timeoutMs: number }, body: string | Uint8Array): Promise<void> {
    this.#judge(to.subject, await this.#send(to, body));
  }

  async #send(to: { subject: string; headers?: MsgHdrs; timeoutMs: number }, body: string | Uint8Array): Promise<Msg> {
    try {
      return await this.#requests.send(to, body);
    } catch (error) {
      if (!(error instanceof ReplyMissing)) throw new PublicationRefused(`${to.subject} was not published`, { cause: error, full: false });
      // It may have reached the server.
      const why =
        error.why === 'lost' ? `connection lost before ${to.subject} was acknowledged` : `no acknowledgement for ${to.subject} in time`;
      throw new PublicationUnknown(why);
    }
  }

  #judge(subject: string, message: Msg): void {
    if (message.headers?.code === NO_RESPONDERS) {
      this.#onNoStream();
      throw new PublicationRefused(`JetStream has no stream for ${subject}`, { full: false });
    }
    const answer = answerIn(message);
    if (answer && isInFlight(answer)) throw new PublicationUnknown(`an earlier try of ${subject} is not stored yet`);
    if (answer?.error) throw refused(subject, answer.error);
    if (!answer?.stream) throw new PublicationUnknown(`the answer to ${subject} cannot be read`);
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
