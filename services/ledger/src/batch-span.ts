// The span of one batch of facts written to PostgreSQL: one for hundreds of facts, with links to the traces that they come from.
import type { Fact } from '@causeway/shared/events/facts';
import { inSpan, linksToTraceparents, SpanKind } from '@causeway/shared/spans';

/** A span with more links than that would be larger than all it tells of; those of a batch are neighbours. */
const MOST_LINKS = 32;

export function inBatchSpan<T>(facts: readonly Fact[], write: () => Promise<T>): Promise<T> {
  const links = linksToTraceparents(
    facts.flatMap(({ traceparent }) => traceparent ?? []),
    MOST_LINKS,
  );
  const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': 'BATCH', 'db.operation.batch.size': facts.length } as const;
  return inSpan({ name: 'BATCH facts', kind: SpanKind.CLIENT, attributes, links }, write);
}
