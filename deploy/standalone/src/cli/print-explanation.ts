// Why instances went where they went: each rule that was tried, whether it decided and why; equal ones are told once.
import { plainText } from './print-table.ts';
import { plural } from './wording.ts';

interface TriedRule {
  readonly kind: string;
  readonly rule: string;
  readonly applied: boolean;
  readonly because: string;
}

export interface ExplainedInstance {
  /** null: it was not sent, it is only described. */
  readonly receiptId: string | null;
  /** null: a draft's rules, or none was asked. */
  readonly revision: number | null;
  readonly state: string;
  /** What the association alone decides: one facility, or those that tie, or none. */
  readonly facility: { readonly id?: string; readonly name?: string; readonly candidates?: readonly string[] };
  readonly lane: string;
  readonly compression: string;
  readonly rules: readonly TriedRule[];
  /** That did not apply and are not listed. */
  readonly rulesLeftOut: number;
  readonly deliveries: readonly {
    readonly destination: string;
    readonly facility?: string | null;
    readonly rule: string;
    readonly state: string;
  }[];
  readonly held?: { readonly reason: string; readonly detail: string };
  /** Where rules and record may differ, and why. */
  readonly notes: readonly string[];
}

export interface ExplanationAnswer {
  readonly instances: readonly ExplainedInstance[];
  /** Of the study, beyond those explained. */
  readonly more?: number;
}

const MOST_CHARACTERS = 400;
export function printExplanation({ instances, more = 0 }: ExplanationAnswer): string {
  const alike = Map.groupBy(instances, ({ receiptId: _, ...told }) => JSON.stringify(told));
  const parts = [...alike.values()].map((group) => printGroup(group));
  if (more > 0) parts.push(`${plural(more, 'instance')} of the study more, not explained here`);
  return parts.length === 0 ? 'Nothing of it was received.' : parts.join('\n\n');
}

function printGroup(group: readonly ExplainedInstance[]): string {
  const [one] = group as [ExplainedInstance];
  const { rules, rulesLeftOut, deliveries, held, notes } = one;
  const kinds = Map.groupBy(rules, ({ kind }) => kind);
  return [
    headingOf(group),
    `  Facility ${facilityText(one.facility)}; lane ${one.lane}; compression: ${plainText(one.compression)}`,
    ...[...kinds].flatMap(([kind, tried]) => [`  Rules: ${kind}`, ...tried.map(ruleLine)]),
    ...(rulesLeftOut > 0 ? [`    ${plural(rulesLeftOut, 'rule')} more did not apply`] : []),
    '  Deliveries',
    ...(deliveries.length === 0 ? ['    none'] : deliveries.map(deliveryLine)),
    ...(held ? [plainTextLine('  Held: ', `${held.reason}: ${held.detail}`)] : []),
    ...notes.map((note) => plainTextLine('  Note: ', note)),
  ].join('\n');
}

function headingOf(group: readonly ExplainedInstance[]): string {
  const [{ receiptId, revision, state }] = group as [ExplainedInstance];
  const rules = revision === null ? '' : `, by the rules of revision ${revision}`;
  if (receiptId === null) return `Not sent: what would happen${revision === null ? ' under the draft' : rules}`;
  const who = group.length === 1 ? `Receipt ${receiptId}` : `${group.length} instances, for example receipt ${receiptId}`;
  return `${who} (${state})${rules}`;
}

function facilityText({ id, name, candidates }: ExplainedInstance['facility']): string {
  if (id !== undefined) return plainText(name === undefined || name === id ? id : `${id} (${name})`);
  return candidates === undefined ? 'none' : `ambiguous: ${candidates.join(', ')}`;
}

const ruleLine = ({ rule, applied, because }: TriedRule): string =>
  plainTextLine(`    ${applied ? 'yes' : 'no '}  `, `${rule}: ${because}`);

const deliveryLine = ({ destination, facility, rule, state }: ExplainedInstance['deliveries'][number]): string =>
  plainTextLine('    ', `${destination}${facility ? ` for ${facility}` : ''}, ${state}: ${rule}`);

const plainTextLine = (indent: string, text: string): string => `${indent}${plainText(text, MOST_CHARACTERS)}`;
