// What coercion rules change in one data set: the cuts that splice the changes in, the record of them included. The data set itself is only read.
import { creatorOf, DataSetEdits, type ElementChange } from '../dicom/part10/data-set-edits.ts';
import { type DataSetScan, elementEncodingOf } from '../dicom/part10/data-set-scanner.ts';
import { gatherElements } from '../dicom/part10/gather-elements.ts';
import { ORIGINAL_ATTRIBUTES, withOriginalAttributes } from '../dicom/part10/original-attributes.ts';
import { DicomParseError } from '../dicom/part10/parse-error.ts';
import { type Cut, planCuts, Unspliceable } from '../dicom/part10/splice.ts';
import { UnfitValue } from '../dicom/part10/value-text.ts';
import { applyRules, type CoercionFacts, type CoercionOutcome, type NumberedRule, rulesThatFit, tagsOfRules } from './coercion.ts';

export interface CoercionSubject {
  /** The data set as its elements stand, not deflated; read once, and no further than needed. */
  readonly plain: () => AsyncIterable<Buffer>;
  readonly transferSyntaxUid: string;
  /** As far as the pixel data, or of the whole where there is none. */
  readonly scan: DataSetScan;
  readonly facts: CoercionFacts;
  /** Header attributes read before, for conditions where what the rules name cannot be held. */
  readonly attributes: Readonly<Record<string, string>>;
  /** When the instance was received: a repeat must make the same bytes. ISO 8601, UTC. */
  readonly receivedAt: string;
  /** Our own name, for the record. */
  readonly system: string;
}

/** `cuts` is empty when nothing is different. What is impossible is not in the cuts. */
export interface CoercionPlan extends CoercionOutcome {
  readonly cuts: readonly Cut[];
}

/** Throws what reading throws, DicomParseError excepted. */
export async function planCoercion(rules: readonly NumberedRule[], subject: CoercionSubject): Promise<CoercionPlan> {
  const { facts, attributes } = subject;
  const nothing = (impossible: CoercionPlan['impossible']): CoercionPlan => ({ cuts: [], applied: [], impossible });
  let held: Held;
  try {
    held = await hold(rules, subject);
  } catch (error) {
    if (!isImpossible(error)) throw error;
    return nothing(rulesThatFit(rules, facts, attributes).map((rule) => ({ ...rule, reason: error.message })));
  }
  const { applied, impossible } = applyRules(rules, held.edits, facts);
  try {
    return { applied, impossible, cuts: cutsOf(subject, held) };
  } catch (error) {
    if (!isImpossible(error)) throw error;
    return nothing([...impossible, ...applied.map((rule) => ({ ...rule, reason: error.message }))]);
  }
}

const isImpossible = (error: unknown): error is Error =>
  error instanceof UnfitValue || error instanceof Unspliceable || error instanceof DicomParseError;

interface Held {
  /** As they stand in the data set. */
  readonly elements: Map<number, Buffer>;
  readonly edits: DataSetEdits;
}

/** The elements that the rules name, and those that go with them: character set, private creators, the record of earlier coercions. */
async function hold(rules: readonly NumberedRule[], { plain, scan, transferSyntaxUid }: CoercionSubject): Promise<Held> {
  const named = tagsOfRules(rules).map(([top]) => top!);
  const tags = new Set([...named, ...named.flatMap((tag) => creatorOf(tag) ?? []), 0x00080005, ORIGINAL_ATTRIBUTES]);
  const elements = await gatherElements(plain(), scan, tags);
  return { elements, edits: new DataSetEdits(elements, elementEncodingOf(transferSyntaxUid)) };
}

/** The changes, and the item that tells of them. */
function cutsOf({ scan, facts, receivedAt, system }: CoercionSubject, { elements, edits }: Held): Cut[] {
  const changes: ElementChange[] = edits.changes();
  if (changes.length === 0) return [];
  const creators = changes.flatMap(({ tag }) => elements.get(creatorOf(tag) ?? -1) ?? []);
  const source = facts.association.callingAe;
  const modification = { changes, creators, at: receivedAt, specificCharacterSet: edits.characterSet(), system, source };
  const record = withOriginalAttributes(elements.get(ORIGINAL_ATTRIBUTES), modification, edits.encoding);
  const replacements = new Map(changes.map(({ tag, after }) => [tag, after ?? Buffer.alloc(0)]));
  return planCuts({ scan, encoding: edits.encoding, replacements: replacements.set(ORIGINAL_ATTRIBUTES, record) });
}
