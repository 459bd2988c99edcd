// Coercion on receipt: the rules that fit change a copy of the received data set, which then goes on in its place; the received object stays as it is.
import { type CoercionFacts, type FittingRule, type NumberedRule, rulesOnReceipt, rulesThatFit } from '@causeway/shared/config/coercion';
import { planCoercion } from '@causeway/shared/config/coercion-plan';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { createHeaderReader, type HeaderReader } from '@causeway/shared/config/header-reader';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { PermanentError } from '@causeway/shared/errors';
import type { Coercion, Instance } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { ReceivedDataSet } from './received-data-set.ts';
import { writeCoerced } from './write-coerced.ts';

export interface CoercionOrder {
  readonly instance: Instance;
  /** What the association alone decided. */
  readonly facility: string | undefined;
  readonly document: GatewayDocument;
  /** The instance was set in motion again: its attributes may be those that an earlier revision coerced, and are read again. */
  readonly isAgain: boolean;
}

export interface Coerced {
  /** With the attributes of the data set that goes on; all else as received. */
  readonly instance: Instance;
  readonly coercion?: Coercion;
}

/**
 * The same order makes the same data set, under a key of its own each time. Throws PermanentError when a rule fits and cannot be applied, unless it says
 * `impossible: skip`; ObjectMissing, ObjectDamaged, TransientError.
 */
export async function coerce({ store }: { readonly store: ObjectStore }, order: CoercionOrder): Promise<Coerced> {
  const { instance, document, facility } = order;
  const facts = { association: instance.association, sopClassUid: instance.sopClassUid, facility };
  const rules = rulesOnReceipt(document, facts);
  if (rules.length === 0 && !order.isAgain) return { instance };
  const header = headerReaderOf(document);
  try {
    const source = await ReceivedDataSet.open(store, instance);
    const scan = await scanHeader(source, instance, header);
    const described = { ...instance, attributes: header.attributes(scan) };
    if (rules.length === 0) return { instance: described };
    return await coerceReadable({ store, order, instance: described, header, source, scan, rules, facts });
  } catch (error) {
    if (!(error instanceof DicomParseError)) throw error;
    const fitting = rulesThatFit(rules, facts, instance.attributes);
    return passed(instance, refusing(fitting, `the data set cannot be read: ${error.message}`));
  }
}

const readers = new WeakMap<GatewayDocument, HeaderReader>();
function headerReaderOf(document: GatewayDocument): HeaderReader {
  const known = readers.get(document) ?? createHeaderReader(document);
  readers.set(document, known);
  return known;
}

/** As far as the pixel data, or the whole where there is none. */
async function scanHeader(source: ReceivedDataSet, instance: Instance, header: HeaderReader): Promise<DataSetScan> {
  const scanner = new DataSetScanner({ transferSyntaxUid: instance.transferSyntaxUid, wanted: header.wanted });
  for await (const chunk of source.stored()) {
    await scanner.write(chunk);
    if (scanner.pixelDataReached) return scanner.snapshot();
  }
  return await scanner.end();
}

interface Readable {
  readonly store: ObjectStore;
  readonly order: CoercionOrder;
  readonly instance: Instance;
  readonly header: HeaderReader;
  readonly source: ReceivedDataSet;
  readonly scan: DataSetScan;
  readonly rules: readonly NumberedRule[];
  readonly facts: CoercionFacts;
}

async function coerceReadable(readable: Readable): Promise<Coerced> {
  const { instance, rules, facts, order, source, scan } = readable;
  const { transferSyntaxUid, receivedAt } = order.instance;
  const { attributes } = instance;
  const system = order.document.gateway.aeTitle;
  const plan = await planCoercion(rules, {
    ...{ transferSyntaxUid, receivedAt, attributes, system, scan, facts },
    plain: () => source.plain(),
  });
  const skipped = skippedOf(plan.impossible);
  const applied = plan.applied.map(({ name }) => name);
  if (plan.cuts.length === 0) return passed(instance, { rules: applied, skipped });
  try {
    const written = await writeCoerced(readable, plan.cuts);
    const coercion = { object: written.object, rules: applied, ...(skipped.length > 0 && { skipped }) };
    return { instance: { ...instance, attributes: written.attributes }, coercion };
  } catch (error) {
    if (!(error instanceof DicomParseError)) throw error;
    const refused = refusing(plan.applied, error.message);
    return passed(instance, { rules: [], skipped: [...skipped, ...(refused.skipped ?? [])] });
  }
}

const refusing = (fitting: readonly FittingRule[], reason: string): Coercion => ({
  rules: [],
  skipped: skippedOf(fitting.map((rule) => ({ ...rule, reason }))),
});

/** Only where every one of them allows it: an image must not reach an archive under what a rule was to correct. */
function skippedOf(impossible: readonly (FittingRule & { reason: string })[]): string[] {
  const told = impossible.map(({ name, reason }) => `${name} is impossible: ${reason}`.slice(0, 500));
  const holding = impossible.findIndex(({ treatment }) => treatment === 'hold');
  if (holding !== -1) throw new PermanentError(told[holding]!);
  return told;
}

/** No rule fitted, or nothing was different. */
function passed(instance: Instance, { rules, skipped = [] }: Coercion): Coerced {
  if (rules.length + skipped.length === 0) return { instance };
  return { instance, coercion: { rules, ...(skipped.length > 0 && { skipped }) } };
}
