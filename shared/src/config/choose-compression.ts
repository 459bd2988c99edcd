// Which compression rule applies to an instance: the first whose condition fits.

import type { Instance } from '../events/instance.ts';
import type { CompressionRule, GatewayDocument } from './gateway-document.ts';
import { type LosslessSyntax, TRANSFER_SYNTAX_OF } from './lossless-syntax.ts';
import { firstThatFits } from './rule-condition.ts';
import type { Tell } from './tried-rule.ts';

/** `rule`: the rule in words, absent when none fits. */
export type Choice =
  | { readonly kind: 'unchanged'; readonly reason: string; readonly rule?: string }
  | { readonly kind: 'compress'; readonly syntax: LosslessSyntax; readonly rule: string };

/** What the rules ask of an instance: attributes as coerced, if they were. `facility`: what the association alone decided. */
export type Compressible = Pick<Instance, 'association' | 'sopClassUid' | 'attributes'> & { readonly facility?: string };

export function chooseCompression(document: Pick<GatewayDocument, 'compression'>, instance: Compressible, tell?: Tell): Choice {
  const { association, sopClassUid, attributes, facility } = instance;
  const facts = { callingAe: association.callingAe, calledAe: association.calledAe, sopClassUid, attributes, facility };
  const at = firstThatFits(document.compression, facts, { kind: 'compression', nameOf, tell });
  if (at === -1) return { kind: 'unchanged', reason: 'no compression rule fits' };
  return choiceOf(document.compression[at]!, at);
}

/** Rules are named by their place in the document, counted from 1 as a person does, and what they order. */
const nameOf = ({ then: { syntax } }: CompressionRule, at: number): string => `compression rule ${at + 1}: ${syntax}`;

function choiceOf(compressionRule: CompressionRule, at: number): Choice {
  const rule = nameOf(compressionRule, at);
  const { syntax } = compressionRule.then;
  if (syntax === 'unchanged') return { kind: 'unchanged', reason: 'the rule says unchanged', rule };
  if (!isBuilt(syntax)) return { kind: 'unchanged', reason: `not built yet: ${syntax}`, rule };
  return { kind: 'compress', syntax, rule };
}

const isBuilt = (syntax: string): syntax is LosslessSyntax => Object.hasOwn(TRANSFER_SYNTAX_OF, syntax);
