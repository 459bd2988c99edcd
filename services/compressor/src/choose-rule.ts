// Which compression rule applies to an instance: the first whose condition fits.
import type { CompressionRule, GatewayDocument } from '@causeway/shared/config/gateway-document';
import { matchesCondition } from '@causeway/shared/config/rule-condition';
import type { Instance } from '@causeway/shared/events/instance';
import { type LosslessSyntax, TRANSFER_SYNTAX_OF } from './frame-format.ts';

/** `rule`: the rule in words, absent when none fits. */
export type Choice =
  | { readonly kind: 'unchanged'; readonly reason: string; readonly rule?: string }
  | { readonly kind: 'compress'; readonly syntax: LosslessSyntax; readonly rule: string };

/** `facility`: what the association alone decided. */
export function chooseRule(document: Pick<GatewayDocument, 'compression'>, instance: Instance, facility: string | undefined): Choice {
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
