// Tells the ledger of an instance that cannot be handled; its object is kept.
import type { Bus } from '@causeway/shared/bus/bus';
import { describeError } from '@causeway/shared/errors';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { instanceReceived } from '@causeway/shared/events/instance';
import type { Logger } from '@causeway/shared/logger';

/** What must be readable of an event so that the ledger can show its instance, whatever else is wrong with it. */
const recognisable = instanceReceived.pick({ instance: true, facility: true, generation: true });

/**
 * An event of which not even the instance can be read is logged (its object is in the store, and reconciliation sets it in motion again);
 * throws what publishing throws, so that the message comes back.
 */
export async function quarantine({ bus, log }: { bus: Bus; log: Logger }, failure: { body: unknown; error: Error }): Promise<void> {
  const read = recognisable.safeParse(failure.body);
  if (!read.success) {
    log.error('an event on RECEIVED was not understood and is dropped: the instance cannot be told from it');
    return;
  }
  const { generation, facility, instance } = read.data;
  const reason = describeError(failure.error).slice(0, 500);
  log.error({ receiptId: instance.receiptId, reason }, 'quarantined');
  await bus.publishFact({ ...newEnvelope(generation, facility), type: 'ledger.instance.quarantined', instance, step: 'compress', reason });
}
