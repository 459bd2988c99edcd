// Rules over instances: lanes, compression and coercion, and the condition they share.
import { z } from 'zod';
import { dictionaryVr } from '../dicom/dictionary.ts';
import { valueProblem } from '../dicom/part10/value-text.ts';
import { ATTRIBUTE_HELP, attributePath } from './attribute-path.ts';
import { ASSOCIATION_INPUTS } from './gateway-document-facilities.ts';
import { aeTitle, attribute, id, list, oneOrMore, section, text } from './gateway-document-fields.ts';
import { sopClassName } from './sop-class-groups.ts';

const value = () => z.string({ error: 'must be a text (in quotes if it looks like a number)' }).max(1024);

const conditionFields = {
  callingAe: oneOrMore(aeTitle()).optional(),
  calledAe: oneOrMore(aeTitle()).optional(),
  modality: oneOrMore(z.string().min(1).max(16)).optional(),
  sopClass: oneOrMore(sopClassName()).optional(),
  imageType: oneOrMore(value()).optional(),
  bodyPart: oneOrMore(value()).optional(),
  facility: oneOrMore(id()).optional(),
  attribute: attribute().optional(),
  in: oneOrMore(value()).optional(),
};
const together = {
  isRight: (when: { attribute?: string; in?: string[] }) => (when.attribute === undefined) === (when.in === undefined),
  error: { error: 'must have attribute and in together: the attribute and the values it may have' },
};

/** All fields given must fit, one value of each; {} fits everything. See rule-condition.ts. */
const condition = section(conditionFields).refine(together.isRight, together.error);
/** The priority is known only while the C-STORE request is at hand, so only lanes can ask it. */
const laneCondition = section({ ...conditionFields, priority: z.enum(['low', 'medium', 'high']).optional() }).refine(
  together.isRight,
  together.error,
);
export type LaneCondition = z.infer<typeof laneCondition>;

export const laneRules = list(section({ when: laneCondition, lane: z.enum(['stat', 'routine', 'prior']) })).default([]);

const LOSSLESS = ['unchanged', 'jpeg2000-lossless', 'htj2k-lossless', 'jpeg-ls-lossless', 'rle'] as const;
const LOSSY = ['jpeg2000', 'htj2k', 'jpeg-ls', 'jpeg-baseline'] as const;

/** `ratio`: uncompressed to compressed size, 8 means 8:1. `minPsnr`: dB, below it the image stays as it is. */
const lossless = section({ syntax: z.enum(LOSSLESS) });
const lossy = section({
  syntax: z.enum(LOSSY),
  lossy: z.literal(true, { error: 'must be true: write it to say that you know that this syntax loses information' }),
  ratio: z.number().min(1.5).max(100),
  minPsnr: z.number().min(20).max(120).optional(),
});
const compressionStep = z.discriminatedUnion('syntax', [lossless, lossy], {
  error: `must have a syntax: ${LOSSLESS.join(', ')}, or (lossy) ${LOSSY.join(', ')}`,
});

// biome-ignore lint/suspicious/noThenProperty: `then` is the document's word, and never a function
export const compressionRules = list(section({ when: condition, then: compressionStep })).default([]);

/** Who accepted lossy compression, when, in what words. No lossy rule works while this is empty. */
export const lossyAcceptance = section({ by: text(128).default(''), at: text(40).default(''), text: text(10_000).default('') })
  .refine(({ by, at }) => (by === '') === (at === ''), { error: 'must have by and at together: who accepted lossy compression, and when' })
  .prefault({});

/** Attributes that say what an instance is and how it is written, at the top level of a data set: coercion never touches them (PS3.3 C.12.1). */
const UNTOUCHABLE: Record<string, string> = {
  '00080005': 'SpecificCharacterSet',
  '00080016': 'SOPClassUID',
  '00080018': 'SOPInstanceUID',
  '0020000D': 'StudyInstanceUID',
  '0020000E': 'SeriesInstanceUID',
  '04000561': 'OriginalAttributesSequence',
};
const UNTOUCHABLE_HELP = `must not be one of ${Object.values(UNTOUCHABLE).join(', ')}, a group length, or of the groups 0000, 0002, 0028 (pixels) and from 7FE0 on: coercion does not touch them`;

/** Group 0028 describes pixels wherever it stands (PS3.3 C.7.6.3); an item's own character set says how its values are written. */
function isTouchable(name: string): boolean {
  const tags = attributePath(name)?.split('.') ?? [];
  const group = (tag: string): number => Number.parseInt(tag.slice(0, 4), 16);
  const isFixed = (tag: string): boolean => [0x0000, 0x0002, 0x0028].includes(group(tag)) || group(tag) >= 0x7fe0 || tag.endsWith('0000');
  return !tags.some((tag) => isFixed(tag) || tag === '00080005') && !Object.hasOwn(UNTOUCHABLE, tags[0] ?? '');
}
const target = () => attribute().refine(isTouchable, { error: UNTOUCHABLE_HELP });

const COPY_HELP = `${ATTRIBUTE_HELP}; or one of ${ASSOCIATION_INPUTS.join(', ')}`;
const copySource = z
  .string({ error: COPY_HELP })
  .refine((name) => attributePath(name) !== undefined || (ASSOCIATION_INPUTS as readonly string[]).includes(name), { error: COPY_HELP });

/** Why the attribute cannot have this value, whatever the instance: nothing is said of private ones, whose VR only a data set tells. */
function unfit(name: string, text: string): string | undefined {
  const tag = attributePath(name)?.slice(-8);
  const vr = tag === undefined ? undefined : dictionaryVr(Number.parseInt(tag, 16));
  return vr === undefined || vr === 'xs' ? undefined : valueProblem(vr, text);
}

/**
 * `set`: attribute to its new value. `copy`: attribute to where its value comes from. `remove`: attributes. `map`: attribute to a table of old value to
 * new value; a value that is not in the table stays. `impossible`: what happens to an instance that the rule fits and cannot be applied to.
 */
const coercionRule = section({
  when: condition,
  on: z.enum(['receive', 'deliver']),
  destination: id().optional(),
  set: z.record(target(), value()).default({}),
  copy: z.record(target(), copySource).default({}),
  remove: list(target()).default([]),
  map: z.record(target(), z.record(z.string().max(1024), value())).default({}),
  impossible: z.enum(['hold', 'skip']).default('hold'),
}).superRefine((rule, context) => {
  const problem = (message: string, ...path: PropertyKey[]) => context.addIssue({ code: 'custom', path, message });
  if (rule.destination !== undefined && rule.on === 'receive') problem('must not be given on receive: write on: deliver', 'destination');
  const names = [rule.set, rule.copy, rule.map].flatMap(Object.keys).concat(rule.remove);
  if (names.length === 0) problem('must have at least one of set, copy, remove, map: else it does nothing');
  const paths = names.map((name) => attributePath(name) ?? name);
  for (const [at, path] of paths.entries())
    if (paths.indexOf(path) !== at) problem(`names ${names[at]} twice: one rule changes an attribute once, another rule may follow`);
  for (const [name, text] of Object.entries(rule.set)) {
    const why = unfit(name, text);
    if (why !== undefined) problem(why, 'set', name);
  }
  for (const name of Object.keys(rule.copy)) {
    const why = unfit(name, '');
    if (why !== undefined) problem(why, 'copy', name);
  }
  for (const [name, table] of Object.entries(rule.map))
    for (const [old, text] of Object.entries(table)) {
      const why = unfit(name, text);
      if (why !== undefined) problem(why, 'map', name, old);
    }
});

export const coercionRules = list(coercionRule).default([]);
