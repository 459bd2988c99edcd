// Coercion on delivery: what the rules for a destination change is spliced in while the object is sent; the stored object stays as it is.
import { type NumberedRule, possibleRules } from '@causeway/shared/config/coercion';
import { type CoercionPlan, planCoercion } from '@causeway/shared/config/coercion-plan';
import { encodeFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { transferSyntaxOf } from '@causeway/shared/dicom/transfer-syntaxes';
import { PermanentError } from '@causeway/shared/errors';
import type { Delivery } from '@causeway/shared/events/delivery';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { dataSetOf, type OutboundObject, readOutboundHeader } from './outbound-object.ts';

/** `rules`: those on delivery to one destination; `system`: our own name, for the record of what was changed. */
export interface DeliveryRules {
  readonly rules: readonly NumberedRule[];
  readonly system: string;
}

/** A rule fits and cannot be applied, and does not say that it may be skipped: what it was to correct must not get out. */
export class CoercionImpossible extends PermanentError {
  override readonly name = 'CoercionImpossible';
}

/** The object, with the changes that the rules make, if any. Throws CoercionImpossible, ObjectMissing, DamagedObject, TransientError. */
export async function coerceOutbound(
  store: ObjectStore,
  object: OutboundObject,
  order: DeliveryRules & { readonly delivery: Delivery },
): Promise<OutboundObject> {
  const { instance, facility } = order.delivery;
  const facts = { association: instance.association, sopClassUid: instance.sopClassUid, facility };
  const rules = possibleRules(order.rules, facts);
  if (rules.length === 0) return object;
  const { scan, dataSetOffset } = await readOutboundHeader(store, object);
  const { transferSyntaxUid } = object.meta;
  const { attributes, receivedAt } = instance;
  const subject = { transferSyntaxUid, attributes, receivedAt, system: order.system, scan, facts, plain: () => dataSetOf(store, object) };
  const plan = transferSyntaxOf(transferSyntaxUid)?.deflated ? undefined : await planCoercion(rules, subject);
  // Where it could be converted, a derivation was sent in its place (object-choice.ts).
  if (plan === undefined) throw new CoercionImpossible('the rules of coercion cannot be applied to a deflated data set');
  return changed(object, plan, dataSetOffset);
}

function changed(object: OutboundObject, plan: CoercionPlan, dataSetOffset: number): OutboundObject {
  const skipped = skippedOf(plan.impossible);
  if (plan.applied.length + skipped.length === 0) return object;
  const head = encodeFileMeta(object.meta);
  const grown = plan.cuts.reduce((sum, { inserted, leftOut }) => sum + inserted.length - leftOut, 0);
  const size = head.length + object.ref.size - dataSetOffset + grown;
  return { ...object, change: { cuts: plan.cuts, head, size, rules: plan.applied.map(({ name }) => name), skipped } };
}

/** Only where every one of them allows it. */
function skippedOf(impossible: CoercionPlan['impossible']): string[] {
  const told = impossible.map(({ name, reason }) => `${name} is impossible: ${reason}`.slice(0, 500));
  const holding = impossible.findIndex(({ treatment }) => treatment === 'hold');
  if (holding !== -1) throw new CoercionImpossible(told[holding]!);
  return told;
}
