// The event that makes a stored object move. Success is said only when JetStream acknowledged it.
import type { Bus } from '@causeway/shared/bus/bus';
import type { DimseStatus } from '@causeway/shared/dicom/dimse/scp';
import { describeError, PublicationRefused } from '@causeway/shared/errors';
import { receivedSubject } from '@causeway/shared/events/flow';
import type { InstanceReceived } from '@causeway/shared/events/instance';
import type { Logger } from '@causeway/shared/logger';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { STATUS } from './check-identity.ts';
import { inTime } from './in-time.ts';
import type { ReceiptFacts } from './receipt-facts.ts';

export interface Announcer {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly facts: Pick<ReceiptFacts, 'add'>;
  readonly log: Logger;
}

/** Between two tries while a broker restarts or elects a leader. */
const AGAIN_AFTER_MS = 200;
const ACKNOWLEDGED_WITHIN_MS = 5_000;
/** Even when the store took all the time: a broker that is well answers within milliseconds. */
const LEAST_MS = 500;

/**
 * 0000, or A700: after a definite refusal the object is deleted; when the outcome is unknown it stays, and the sender's repeat is harmless.
 * `deadline`: of limits.custody, as performance.now() tells time.
 */
export async function announceInstance(announcer: Announcer, event: InstanceReceived, deadline: number): Promise<DimseStatus> {
  let unknown = false;
  for (;;) {
    try {
      await publish(announcer, event, deadline);
      announcer.facts.add(event);
      return { status: STATUS.success };
    } catch (error) {
      unknown ||= !(error instanceof PublicationRefused);
      const hopeless = error instanceof PublicationRefused && error.full;
      if (!hopeless && performance.now() + AGAIN_AFTER_MS < deadline) {
        await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
        continue;
      }
      return refuse(announcer, event, { error, unknown, deadline });
    }
  }
}

function publish({ bus }: Announcer, event: InstanceReceived, deadline: number): Promise<void> {
  const { lane, receiptId } = event.instance;
  return bus.publish(event, {
    subject: receivedSubject(lane, event.facility),
    messageId: `${receiptId}.received.${event.generation}`,
    timeoutMs: Math.max(LEAST_MS, Math.min(ACKNOWLEDGED_WITHIN_MS, deadline - performance.now())),
  });
}

async function refuse(
  { store, log }: Announcer,
  event: InstanceReceived,
  failure: { error: unknown; unknown: boolean; deadline: number },
): Promise<DimseStatus> {
  const { receiptId, objectKey } = event.instance;
  log.warn({ receiptId, kept: failure.unknown, reason: describeError(failure.error) }, 'not announced: answered A700');
  if (!failure.unknown)
    await inTime(store.delete(objectKey), Math.max(LEAST_MS, failure.deadline - performance.now()), 'deleting').catch((error: unknown) =>
      log.warn({ receiptId, reason: describeError(error) }, 'object not deleted'),
    );
  return { status: STATUS.outOfResources, comment: 'event broker does not take it now, send again' };
}
