// Tells the ledger of receipts, some at a time and without anybody waiting: when such a fact is lost, a later one tells the same.
import type { Bus } from '@causeway/shared/bus/bus';
import { describeError } from '@causeway/shared/errors';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { InstanceReceived } from '@causeway/shared/events/instance';
import type { Logger } from '@causeway/shared/logger';

export interface ReceiptFacts {
  add(event: InstanceReceived): void;
  /** Publishes what waits. Never rejects. */
  flush(): Promise<void>;
}

/** The page is not later for it, and the facts of one moment leave in one system call. */
const TOGETHER_MS = 20;

export function createReceiptFacts({ bus, log }: { bus: Bus; log: Logger }): ReceiptFacts {
  let waiting: InstanceReceived[] = [];
  let timer: NodeJS.Timeout | undefined;
  const publish = async ({ instance, facility, generation }: InstanceReceived): Promise<void> => {
    try {
      await bus.publishFact({ ...newEnvelope(generation, facility), type: 'ledger.instance.received', instance });
    } catch (error) {
      log.debug({ receiptId: instance.receiptId, reason: describeError(error) }, 'fact not published');
    }
  };
  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const events = waiting;
    waiting = [];
    await Promise.all(events.map(publish));
  };
  return {
    add: (event) => {
      waiting.push(event);
      timer ??= setTimeout(() => void flush(), TOGETHER_MS);
    },
    flush,
  };
}
