// The span of one delivery: from the moment it waits for its turn until its destination answered.
import { inSpan, SpanKind } from '@causeway/shared/spans';
import type { DestinationSettings } from './destination-settings.ts';
import type { DestinationWorker } from './destination-worker.ts';

/** The same worker, each delivery in a client span. */
export function traced(worker: DestinationWorker, { id, kind }: DestinationSettings): Pick<DestinationWorker, 'submit' | 'msUntilProbe'> {
  return {
    get msUntilProbe() {
      return worker.msUntilProbe;
    },
    submit: (due) => {
      const attributes = { 'causeway.destination': id, 'dicom.sop_class_uid': due.delivery.instance.sopClassUid };
      return inSpan({ name: kind === 'stow' ? 'STOW-RS' : 'C-STORE', kind: SpanKind.CLIENT, attributes }, async (span) => {
        const attempted = await worker.submit(due);
        span.set({ 'causeway.outcome': attempted.outcome.kind, 'dicom.transfer_syntax_uid': attempted.ref.transferSyntaxUid });
        return attempted;
      });
    },
  };
}
