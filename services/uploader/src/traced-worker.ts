// The span of one attempt at a delivery: from the moment it waits for its turn until its destination answered. Requests and stores are spans within.
import { activeContext, inSpan, SpanKind } from '@causeway/shared/spans';
import type { DestinationSettings } from './destination-settings.ts';
import type { DestinationWorker } from './destination-worker.ts';

/** The same worker, each attempt in a span. */
export function traced(worker: DestinationWorker, { id }: DestinationSettings): Pick<DestinationWorker, 'submit' | 'msUntilProbe'> {
  return {
    get msUntilProbe() {
      return worker.msUntilProbe;
    },
    submit: (due) => {
      const { receiptId, sopClassUid } = due.delivery.instance;
      const attributes = { 'causeway.destination': id, 'causeway.receipt_id': receiptId, 'dicom.sop_class_uid': sopClassUid };
      return inSpan({ name: 'deliver', kind: SpanKind.INTERNAL, attributes }, async (span) => {
        const attempted = await worker.submit({ ...due, trace: activeContext() });
        const { kind } = attempted.outcome;
        span.set({ 'causeway.outcome': kind, 'dicom.transfer_syntax_uid': attempted.ref.transferSyntaxUid });
        if (kind !== 'delivered' && kind !== 'stored') span.fail(kind);
        return attempted;
      });
    },
  };
}
