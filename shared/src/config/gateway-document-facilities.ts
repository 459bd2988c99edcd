// Facilities: who the images belong to, and how they are told apart.
import { z } from 'zod';
import { attributePath } from './attribute-path.ts';
import { aeTitle, count, id, list, name, network, section, tlsSubject } from './gateway-document-fields.ts';
import { compilePattern, MAX_PATTERN } from './linear-pattern.ts';
import { duration, rate } from './quantities.ts';

/** Mapping inputs that the association carries, not the data set. */
export const ASSOCIATION_INPUTS = ['association:callingAe', 'association:calledAe', 'association:source'] as const;
export type AssociationInput = (typeof ASSOCIATION_INPUTS)[number];

/** One row of `match`: every field given must fit; a row without fields fits everything. */
const matchRow = section({
  calledAe: aeTitle().optional(),
  callingAe: aeTitle().optional(),
  network: network().optional(),
  tlsSubject: tlsSubject().optional(),
});
export type MatchRow = z.infer<typeof matchRow>;

/** Matched against the whole value. The pattern of a regex is of the subset in linear-pattern.ts. */
const endpointRule = section({
  hub: id(),
  match: z.enum(['exact', 'ignore-case', 'wildcard', 'regex']).default('exact'),
  value: z.string({ error: 'must be a text (in quotes if it looks like a number)' }).min(1).max(MAX_PATTERN),
}).superRefine((rule, context) => {
  const problem = rule.match === 'regex' ? patternProblem(rule.value) : undefined;
  if (problem !== undefined) context.addIssue({ code: 'custom', path: ['value'], message: problem });
  if (rule.match !== 'regex' && rule.value !== rule.value.trim())
    context.addIssue({ code: 'custom', path: ['value'], message: 'must not begin or end with spaces: the values of images are trimmed' });
});
export type EndpointRule = z.infer<typeof endpointRule>;

const INPUT_HELP = `must be an attribute (keyword, (gggg,eeee) or path of tags) or one of ${ASSOCIATION_INPUTS.join(', ')}`;
const mappingTag = z
  .string({ error: INPUT_HELP })
  .refine((value) => ASSOCIATION_INPUTS.includes(value as AssociationInput) || attributePath(value) !== undefined, { error: INPUT_HELP });

const shared = {
  id: id().refine((value) => value !== 'none', { error: 'must not be "none": that is the name for no facility' }),
  name: name().optional(),
  aeTitle: aeTitle().optional(),
  destinations: list(id(), 64).default([]),
  weight: count(1, 1000).default(1),
  quota: section({ bandwidth: rate().optional(), queued: count(1, 5_000_000).optional() }).default({}),
  retention: duration('0s').prefault('7d'),
};
const match = list(matchRow, 10_000);
const received = match.min(1, { error: 'must have at least one row, else nothing is ever received for it; {} matches everything' });

const standard = section({ ...shared, model: z.literal('standard'), match: received });
const hub = section({
  ...shared,
  model: z.literal('hub'),
  match: received,
  mappingTag,
  keepsCopy: z.boolean().default(true),
  unmatched: z.enum(['hold', 'hub']).default('hold'),
  followStudy: z.boolean().default(true),
});
const endpoint = section({
  ...shared,
  model: z.literal('endpoint'),
  match: match.default([]),
  rules: list(endpointRule, 10_000).default([]),
});

/** `model` is standard when it is not given, `name` the id. */
const facility = z.preprocess(
  (value) => (isRecord(value) && value.model === undefined ? { ...value, model: 'standard' } : value),
  z.discriminatedUnion('model', [standard, hub, endpoint], { error: 'must have a model: standard, hub or endpoint' }),
);

export const facilities = list(facility, 5000).default([]);

function patternProblem(pattern: string): string | undefined {
  try {
    compilePattern(pattern);
    return undefined;
  } catch (error) {
    return `is not a regular expression that can be used here: ${(error as Error).message}`;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
