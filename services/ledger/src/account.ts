// The ledger's sentence: every fact that any service publishes becomes rows in PostgreSQL, in whatever order it comes; with PostgreSQL away the
// facts wait in JetStream and nothing else does. A fact that can never be stored is reported and left behind, so that it blocks no other.
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import type { Database } from '@causeway/shared/database/database';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { fact } from '@causeway/shared/events/facts';
import { LEDGER_CONSUMER } from '@causeway/shared/events/flow';
import type { Logger } from '@causeway/shared/logger';
import { inBatchSpan } from './batch-span.ts';
import { FactBatcher } from './fact-batcher.ts';
import type { LedgerMetrics } from './ledger-metrics.ts';

export interface AccountParts {
  readonly bus: Bus;
  readonly database: Database;
  readonly log: Logger;
  readonly metrics: Pick<LedgerMetrics, 'written' | 'leftBehind' | 'conflicting'>;
}

/** Rows of 500 facts are one statement of some 700 kB for each table; more gains nothing. */
const MAX_BATCH = 500;
/** What the page may lag behind; short against its own refresh of 2 s. */
const MAX_WAIT_MS = 100;
/** One batch is written while the next fills. */
const CONCURRENCY = 2 * MAX_BATCH;
/** With PostgreSQL away every fact comes back this often at most; it is a few hundred small messages a second. */
const MAX_RETRY_DELAY_MS = 5_000;

export async function account({ bus, database, log, metrics }: AccountParts): Promise<Consumption> {
  const batcher = new FactBatcher({
    apply: async (facts) => {
      const began = performance.now();
      const conflicts = await inBatchSpan(facts, () => applyFacts(database, facts));
      for (const conflict of conflicts)
        log.warn(conflict, 'one SOP Instance UID was received with other content, or for another series: all are kept');
      metrics.conflicting(conflicts.length);
      metrics.written(facts.length, (performance.now() - began) / 1_000);
    },
    maxFacts: MAX_BATCH,
    maxWaitMs: MAX_WAIT_MS,
  });
  const plan = {
    stream: 'FACTS',
    name: LEDGER_CONSUMER,
    filter: 'ledger.>',
    schema: fact,
    concurrency: CONCURRENCY,
    retryDelayMs: (deliveryCount: number) => Math.min(250 * 2 ** deliveryCount, MAX_RETRY_DELAY_MS),
    // Its content stays in the stream for the days that facts are kept; the log has its name only, because a fact holds patient attributes.
    onPermanent: async ({ body, error }: { body: unknown; error: Error }) => {
      metrics.leftBehind();
      log.error({ ...nameOf(body), reason: error.message }, 'a fact cannot be stored and is left behind');
    },
  } as const;
  return bus.consume(plan, ({ event }) => batcher.add(event));
}

function nameOf(body: unknown): { factId?: string; type?: string; receiptId?: string } {
  const named = (body ?? {}) as { id?: unknown; type?: unknown; instance?: { receiptId?: unknown } };
  return { factId: shortText(named.id), type: shortText(named.type), receiptId: shortText(named.instance?.receiptId) };
}

/** Ids and types are ours; anything else is not repeated. */
const shortText = (value: unknown): string | undefined => (typeof value === 'string' && /^[\w.-]{1,64}$/.test(value) ? value : undefined);
