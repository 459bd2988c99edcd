// Which compression rule applies to an instance: the first whose condition fits.

import type { Instance } from '../events/instance.ts';
import type { CompressionRule, GatewayDocument } from './gateway-document.ts';
import { type LosslessSyntax, TRANSFER_SYNTAX_OF } from './lossless-syntax.ts';
import { matchesCondition } from './rule-condition.ts';

/** `rule`: the rule in words, absent when none fits. */
export type Choice =
  | { readonly kind: 'unchanged'; readonly reason: string; readonly rule?: string }
  | { readonly kind: 'compress'; readonly syntax: LosslessSyntax; readonly rule: string };

/** What the rules ask of an instance: attributes as coerced, if they were. */
export type Compressible = Pick<Instance, 'association' | 'sopClassUid' | 'attributes'>;

/** `facility`: what the association alone decided. */
export function chooseCompression(
  document: Pick<GatewayDocument, 'compression'>,
  instance: Compressible,
  facility: string | undefined,
): Choice {
  const { callingAe, calledAe } = instance.association;
  const facts = { callingAe, calledAe, sopClassUid: instance.sopClassUid, attributes: instance.attributes, facility };
  const at = document.compression.findIndex((rule) => matchesCondition(rule.when, facts));
  if (at === -1) return { kind: 'unchanged', reason: 'no compression rule fits' };
  return choiceOf(document.compression[at]!, at);
}

/** Rules are named by their place in the document, counted from 1 as a person does, and what they order. */
function choiceOf({ then: { syntax } }: CompressionRule, at: number): Choice {
  const rule = `compression rule ${at + 1}: ${syntax}`;
  if (syntax === 'unchanged') return { kind: 'unchanged', reason: 'the rule says unchanged', rule };
  if (!isBuilt(syntax)) return { kind: 'unchanged', reason: `not built yet: ${syntax}`, rule };
  return { kind: 'compress', syntax, rule };
}

const isBuilt = (syntax: string): syntax is LosslessSyntax => Object.hasOwn(TRANSFER_SYNTAX_OF, syntax);
