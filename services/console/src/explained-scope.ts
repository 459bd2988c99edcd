// An explanation for somebody who sees some facilities only: what the others' rules are, and what they got of it, is left out.
import type { FacilityScope } from '@causeway/shared/database/facility-scope';
import type { Held } from '@causeway/shared/events/facts';
import type { ExplainedInstance } from './explained-instance.ts';
import { concerns, ownOf } from './route-access.ts';

/**
 * Rules that did not apply are others' as often as not, and so are left out, all of them; of those that applied the facility's name stands first
 * (decide-route.ts, facility-resolution.ts), but for lanes and compression.
 */
export function explainedWithin(scope: FacilityScope, told: ExplainedInstance): ExplainedInstance {
  if (scope === 'all') return told;
  const rules = told.rules.filter(({ kind, rule, applied }) => applied && (GENERAL.has(kind) || concerns(scope, [rule.split(':', 1)[0]])));
  const { id, candidates } = told.facility;
  const isOwn = id !== undefined && scope.includes(id);
  return {
    ...told,
    facility: isOwn ? told.facility : candidates === undefined ? {} : { candidates: ownOf(scope, candidates) },
    rules,
    rulesLeftOut: told.rulesLeftOut + told.rules.length - rules.length,
    deliveries: told.deliveries.filter(({ facility }) => concerns(scope, [facility ?? undefined])),
    held: heldWithin(scope, told.held),
  };
}

const GENERAL: ReadonlySet<string> = new Set(['lane', 'compression']);

/** Which others tie is not told. */
export function heldWithin<H extends Held | null | undefined>(scope: FacilityScope, held: H): H {
  if (scope === 'all' || !held || held.candidates.every((id) => scope.includes(id))) return held;
  return { ...held, candidates: ownOf(scope, held.candidates), detail: 'several facilities match the association equally' };
}
