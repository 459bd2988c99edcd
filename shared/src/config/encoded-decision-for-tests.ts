// For tests: what is decided about a data set, from its bytes: scanned, read and decoded as at the receiver, decided as at the router.
import { type DescribedElement, writeDataSet } from '../dicom/part10/data-set-for-tests.ts';
import { DataSetScanner, elementEncodingOf } from '../dicom/part10/data-set-scanner.ts';
import { decideRoute, type RouteDecision } from './decide-route.ts';
import type { GatewayDocument } from './gateway-document.ts';
import { createHeaderReader } from './header-reader.ts';

export const EXPLICIT = '1.2.840.10008.1.2.1';
export const IMPLICIT = '1.2.840.10008.1.2';
export const BIG_ENDIAN = '1.2.840.10008.1.2.2';

export interface EncodedInstance {
  readonly set?: string;
  readonly elements: readonly DescribedElement[];
  readonly calledAe: string;
  readonly syntax: string;
}

export async function decideFromBytes(
  document: GatewayDocument,
  { set, elements, calledAe, syntax }: EncodedInstance,
): Promise<RouteDecision> {
  const described: DescribedElement[] = [
    ...(set === undefined ? [] : [{ tag: 0x00080005, vr: 'CS', value: Buffer.from(set.length % 2 === 0 ? set : `${set} `) }]),
    { tag: 0x00080016, vr: 'UI', value: Buffer.from('1.2.840.10008.5.1.4.1.1.2\0') },
    ...elements,
  ];
  const dataSet = writeDataSet(
    described.toSorted((one, other) => one.tag - other.tag),
    elementEncodingOf(syntax),
  );
  const reader = createHeaderReader(document);
  const scanner = new DataSetScanner({ transferSyntaxUid: syntax, wanted: reader.wanted });
  await scanner.write(dataSet);
  const attributes = reader.attributes(await scanner.end());
  return decideRoute(document, { association: { callingAe: 'CT1', calledAe, source: '192.0.2.1', listener: 'lan' }, attributes });
}
