// The span of one association, which those of its C-STOREs link to: an instance has a trace of its own, for an association may bring thousands.
import type { AssociationSummary } from '@causeway/shared/dicom/dimse/scp';
import type { AssociationEnd } from '@causeway/shared/dicom/upper-layer/association';
import { SpanKind, startSpan } from '@causeway/shared/spans';

/** Told at its end, with the time of its beginning; its ids follow from its own id, so that links could be made before. */
export function traceAssociation(id: string, { kind }: AssociationEnd, { startedAt, instances }: AssociationSummary): void {
  const attributes = { 'causeway.outcome': kind, 'dicom.instances': instances };
  const span = startSpan({ name: 'A-ASSOCIATE', kind: SpanKind.SERVER, attributes, of: { id, isFirst: true }, startedAt });
  if (kind !== 'released') span.fail(kind);
  span.end();
}
