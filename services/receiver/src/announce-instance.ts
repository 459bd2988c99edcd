// The event that makes a stored object move. Success is said only when JetStream acknowledged it.
import type { Bus } from '@causeway/shared/bus/bus';
import type { DimseStatus } from '@causeway/shared/dicom/dimse/scp';
import { describeError } from '@causeway/shared/errors';
import { receivedSubject } from '@causeway/shared/events/flow';
import type { InstanceReceived } from '@causeway/shared/events/instance';
import type { Logger } from '@causeway/shared/logger';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { STATUS } from './check-identity.ts';
import { inTime } from './in-time.ts';
import { msUntil, type NotPublished, publishUntil } from './publish-until.ts';
import type { ReceiptFacts } from './receipt-facts.ts';

export interface Announcer {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly facts: Pick<ReceiptFacts, 'add'>;
  readonly log: Logger;
}

/**
 * 0000, or A700: after a definite refusal the object is deleted; when the outcome is unknown it stays, and the sender's repeat is harmless.
 * `deadline`: of limits.custody, as performance.now() tells time.
 */
export async function announceInstance(announcer: Announcer, event: InstanceReceived, deadline: number): Promise<DimseStatus> {
  const { lane, receiptId } = event.instance;
  const to = { subject: receivedSubject(lane, event.facility), messageId: `${receiptId}.received.${event.generation}` };
  const failure = await publishUntil(deadline, (timeoutMs) => announcer.bus.publish(event, { ...to, timeoutMs }));
  if (failure !== undefined) return refuse(announcer, event, { ...failure, deadline });
  announcer.facts.add(event);
  return { status: STATUS.success };
}

async function refuse(
  { store, log }: Announcer,
  event: InstanceReceived,
  failure: NotPublished & { readonly deadline: number },
): Promise<DimseStatus> {
  const { receiptId, objectKey } = event.instance;
  log.warn({ receiptId, kept: failure.unknown, reason: describeError(failure.error) }, 'not announced: answered A700');
  if (!failure.unknown)
    await inTime(store.delete(objectKey), msUntil(failure.deadline), 'deleting').catch((error: unknown) =>
      log.warn({ receiptId, reason: describeError(error) }, 'object not deleted'),
    );
  return { status: STATUS.outOfResources, comment: 'event broker does not take it now, send again' };
}
