// The span of one C-STORE that we send.
import { inSpan, SpanKind } from '@causeway/shared/spans';
import type { Parcel } from './sender.ts';

/** From the command to the answer. */
export function inStoreSpan<T extends { readonly status: number }>(
  { object: { meta }, trace }: Parcel,
  store: () => Promise<T>,
): Promise<T> {
  const attributes = { 'dicom.sop_class_uid': meta.sopClassUid, 'dicom.transfer_syntax_uid': meta.transferSyntaxUid };
  return inSpan({ name: 'C-STORE', kind: SpanKind.CLIENT, attributes, ...(trace && { parent: trace }) }, async (span) => {
    const answer = await store();
    span.set({ 'dicom.status': answer.status.toString(16).padStart(4, '0') });
    return answer;
  });
}
