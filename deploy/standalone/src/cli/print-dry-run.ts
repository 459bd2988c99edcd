// What a draft document would have changed: groups of instances with the same difference, most instances first.
import { plainText } from './print-table.ts';
import { moment, plural } from './wording.ts';

/** Ids, sorted; `held`: why it waits, also or only. */
interface Decided {
  readonly facilities: readonly string[];
  readonly destinations: readonly string[];
  readonly compression: string;
  readonly held?: string;
}

export interface DryRun {
  /** Looked at, received from `since` on. */
  readonly instances: number;
  readonly changed: number;
  /** Their headers on record are not enough to say. */
  readonly unknown: number;
  readonly unknownBecause: readonly { readonly because: string; readonly instances: number }[];
  readonly since: string;
  /** All that were asked for. */
  readonly complete: boolean;
  readonly groups: readonly {
    readonly before: Decided;
    readonly after: Decided;
    readonly instances: number;
    /** Receipt id of one of them. */
    readonly example: string;
  }[];
  readonly moreGroups: number;
}

const FIELDS = ['facilities', 'destinations', 'compression', 'held'] as const;

export function printDryRun(run: DryRun): string {
  const { instances, changed, since, groups, moreGroups, unknown, complete } = run;
  const lines = [`${changed} of ${plural(instances, 'instance')} received since ${moment(since)} would be decided otherwise`];
  if (!complete) lines.push('time ran out: later ones were not looked at; choose fewer days');
  if (unknown > 0) lines.push(`of ${unknown} it cannot be said:`, ...run.unknownBecause.map(unknownLine));
  for (const group of groups) lines.push('', `${plural(group.instances, 'instance')}, for example ${group.example}`, ...difference(group));
  if (moreGroups > 0) lines.push('', `${plural(moreGroups, 'group')} more of fewer instances`);
  return lines.join('\n');
}

const unknownLine = ({ because, instances }: DryRun['unknownBecause'][number]): string => `  ${instances}: ${plainText(because, 300)}`;

function difference({ before, after }: DryRun['groups'][number]): string[] {
  const texts = FIELDS.map((field) => ({ field, was: valueText(before[field]), willBe: valueText(after[field]) }));
  return texts.filter(({ was, willBe }) => was !== willBe).map(({ field, was, willBe }) => `  ${field}: ${was} -> ${willBe}`);
}

function valueText(value: string | readonly string[] | undefined): string {
  const text = typeof value === 'object' ? value.join(', ') : value;
  return text === undefined || text === '' ? 'none' : plainText(text, 300);
}
