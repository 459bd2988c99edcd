// Tells the ledger of each association, and of what never became one: bounded in number, without anybody waiting, and again while the broker is away.
import type { Bus } from '@causeway/shared/bus/bus';
import type { ScpEvent, ScpEventKind, ScpHandlers } from '@causeway/shared/dicom/dimse/scp';
import { describeError } from '@causeway/shared/errors';
import type { AssociationRecord } from '@causeway/shared/events/association-record';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { FactOf } from '@causeway/shared/events/facts';
import type { Logger } from '@causeway/shared/logger';
import { ClosedAssociations } from './closed-associations.ts';
import { describeConnection, describeEnded, describeRejected } from './describe-association.ts';
import { RecordAggregator } from './record-aggregator.ts';

export interface AssociationRecords {
  readonly ended: NonNullable<ScpHandlers['associationEnded']>;
  readonly rejected: NonNullable<ScpHandlers['associationRejected']>;
  reported(event: ScpEvent): void;
  /** Tells what is summed up so far, and waits for what is on its way. */
  stop(): Promise<void>;
}

const WINDOW_MS = 5 * 60_000;
/** A modality that opens an association for each image makes one every few seconds. */
const INDIVIDUALLY = { busy: 100, idle: 1 };
const MAX_KINDS = 1_000;
const LOOK_EVERY_MS = 5_000;
/** Facts that wait for the broker; some 2 KB each. */
const MAX_WAITING = 1_000;

/** What a connection did that is no association. Rejects and what happens within an association are recorded with it; the rest is no peer's doing. */
const CONNECTION_EVENTS: ReadonlySet<ScpEventKind> = new Set([
  'connections-exceeded',
  'malformed-pdu',
  'no-association',
  'plain-on-tls-port',
  'proxy-header-refused',
  'tls-client-certificate-invalid',
  'tls-client-certificate-missing',
  'tls-handshake-failed',
  'tls-no-shared-cipher',
  'tls-on-plain-port',
  'tls-own-certificate-refused',
  'tls-version-refused',
]);

export function createAssociationRecords({ bus, log }: { bus: Pick<Bus, 'publishFact'>; log: Logger }): AssociationRecords {
  const facts = new FactQueue(bus, log);
  const tell = (association: AssociationRecord): void => facts.add({ ...newEnvelope(), type: 'ledger.association.ended', association });
  const aggregator = new RecordAggregator({ tell, windowMs: WINDOW_MS, individually: INDIVIDUALLY, maxKinds: MAX_KINDS });
  const closed = new ClosedAssociations((associations) =>
    facts.add({ ...newEnvelope(), type: 'ledger.associations.closed', associations }),
  );
  const add = (record: AssociationRecord): void => aggregator.add(record, performance.now());
  const looking = setInterval(() => {
    aggregator.look(performance.now());
    void facts.send();
  }, LOOK_EVERY_MS);
  looking.unref();
  return {
    ended: (association, end, summary) => {
      const record = describeEnded(association, end, summary);
      add(record);
      closed.add(record);
    },
    rejected: (request, answer) => add(describeRejected(request, answer)),
    reported: (event) => {
      if (CONNECTION_EVENTS.has(event.kind) && event.association === undefined) add(describeConnection(event));
    },
    stop: async () => {
      clearInterval(looking);
      aggregator.flush();
      closed.flush();
      await facts.send();
    },
  };
}

type AssociationFact = FactOf<'ledger.association.ended' | 'ledger.associations.closed'>;

/** Sends in order; what the broker does not take waits for the next look, at most so many. */
class FactQueue {
  readonly #bus: Pick<Bus, 'publishFact'>;
  readonly #log: Logger;
  #waiting: AssociationFact[] = [];
  #sending: Promise<void> | undefined;

  constructor(bus: Pick<Bus, 'publishFact'>, log: Logger) {
    this.#bus = bus;
    this.#log = log;
  }

  add(fact: AssociationFact): void {
    this.#waiting.push(fact);
    if (this.#waiting.length > MAX_WAITING) {
      this.#waiting.shift();
      this.#log.warn('more records of associations wait for the broker than are kept: the oldest is dropped');
    }
    void this.send();
  }

  /** Never rejects. */
  send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    for (let fact = this.#waiting[0]; fact !== undefined; fact = this.#waiting[0]) {
      try {
        await this.#bus.publishFact(fact);
      } catch (error) {
        this.#log.debug({ reason: describeError(error) }, 'record of an association not published, trying again');
        return;
      }
      if (this.#waiting[0] === fact) this.#waiting.shift();
    }
  }
}
