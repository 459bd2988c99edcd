// Rules over instances: lanes, compression and coercion, and the condition they share.
import { z } from 'zod';
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

/** Attributes that say what an instance is, and its pixels: coercion never touches them (PS3.3 C.12.1, C.7.6.3). */
const UNTOUCHABLE: Record<string, string> = {
  '00080016': 'SOPClassUID',
  '00080018': 'SOPInstanceUID',
  '0020000D': 'StudyInstanceUID',
  '0020000E': 'SeriesInstanceUID',
  '00080005': 'SpecificCharacterSet',
  '7FE00008': 'FloatPixelData',
  '7FE00009': 'DoubleFloatPixelData',
  '7FE00010': 'PixelData',
};
const UNTOUCHABLE_HELP = `must not be group 0002 or one of ${Object.values(UNTOUCHABLE).join(', ')}: coercion does not touch them`;
const isTouchable = (name: string): boolean => {
  const path = attributePath(name);
  return path === undefined || !(path.startsWith('0002') || Object.hasOwn(UNTOUCHABLE, path));
};
const target = () => attribute().refine(isTouchable, { error: UNTOUCHABLE_HELP });

const COPY_HELP = `${ATTRIBUTE_HELP}; or one of ${ASSOCIATION_INPUTS.join(', ')}`;
const copySource = z
  .string({ error: COPY_HELP })
  .refine((name) => attributePath(name) !== undefined || (ASSOCIATION_INPUTS as readonly string[]).includes(name), { error: COPY_HELP });

/**
 * `set`: attribute to its new value. `copy`: attribute to where its value comes from. `remove`: attributes.
 * `map`: attribute to a table of old value to new value; a value that is not in the table stays.
 */
const coercionRule = section({
  when: condition,
  on: z.enum(['receive', 'deliver']),
  destination: id().optional(),
  set: z.record(target(), value()).default({}),
  copy: z.record(target(), copySource).default({}),
  remove: list(target()).default([]),
  map: z.record(target(), z.record(value(), value())).default({}),
}).superRefine((rule, context) => {
  if (rule.destination !== undefined && rule.on === 'receive')
    context.addIssue({ code: 'custom', path: ['destination'], message: 'must not be given on receive: write on: deliver' });
  if (rule.remove.length + [rule.set, rule.copy, rule.map].flatMap(Object.keys).length === 0)
    context.addIssue({ code: 'custom', message: 'must have at least one of set, copy, remove, map: else it does nothing' });
});

export const coercionRules = list(coercionRule).default([]);
