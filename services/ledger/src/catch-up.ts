// A database that was restored empty or from an older copy, or that was a standby and lacks the last of it, is told again what it missed, from the facts that JetStream still
// keeps (14 days): else reconciliation would take delivered work for lost, and send it twice.
import type { Bus } from '@causeway/shared/bus/bus';
import type { Database } from '@causeway/shared/database/database';
import { type FactsPosition, goesOn, readFactsPosition, writeFactsPosition } from '@causeway/shared/database/facts-position';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { readTimeline } from '@causeway/shared/database/timeline';
import { PermanentError } from '@causeway/shared/errors';
import { type Fact, fact } from '@causeway/shared/events/facts';
import { LEDGER_CONSUMER } from '@causeway/shared/events/flow';
import type { Logger } from '@causeway/shared/logger';

export interface CatchUpParts {
  readonly bus: Bus;
  readonly database: Database;
  readonly log: Logger;
}

/**
 * Resolves with the number of facts told again; to be called before anything is judged by what the database knows. Facts may be told twice without harm. A ledger that
 * was killed tells again what came since it, or another one, last noted their place.
 */
export async function catchUp({ bus, database, log }: CatchUpParts, toldUpTo: FactsPosition | undefined): Promise<CaughtUp> {
  const acknowledged = await bus.position('FACTS', LEDGER_CONSUMER);
  if (!acknowledged) return { told: 0 };
  // Before the place: whatever is promoted later is met by the place being refused.
  const timeline = await readTimeline(database);
  const known = await readFactsPosition(database);
  const after = known?.made === acknowledged.made ? known.sequence : 0;
  let told = 0;
  if (!goesOn(known, toldUpTo) && after < acknowledged.sequence)
    told = await bus.replay({ stream: 'FACTS', after, upTo: acknowledged.sequence, schema: fact }, (facts) => tellAgain(database, facts));
  if (told > 0) log.info({ facts: told }, 'facts that the database may have missed were told again');
  const noted = { ...acknowledged, timeline };
  await writeFactsPosition(database, noted);
  return { told, noted };
}

export interface CaughtUp {
  readonly told: number;
  /** To be given to the next call of this process. */
  readonly noted?: FactsPosition;
}

/** One fact that cannot be stored was left behind the first time too. */
async function tellAgain(database: Database, facts: Fact[]): Promise<void> {
  try {
    await applyFacts(database, facts);
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    if (facts.length === 1) return;
    const middle = Math.ceil(facts.length / 2);
    await tellAgain(database, facts.slice(0, middle));
    await tellAgain(database, facts.slice(middle));
  }
}
