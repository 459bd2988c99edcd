// A study of which nothing came for a while has settled: told as a fact, once for each last receipt, and as incomplete when the association that brought that one broke off.
import type { Bus } from '@causeway/shared/bus/bus';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { Database } from '@causeway/shared/database/database';
import { type FactsPosition, goesOn, readFactsPosition } from '@causeway/shared/database/facts-position';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { findQuietStudies, type QuietStudy } from '@causeway/shared/database/study-arrivals';
import { describeError } from '@causeway/shared/errors';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { type FactOf, INCOMPLETE_ENDINGS, type StudyEnding } from '@causeway/shared/events/facts';
import { LEDGER_CONSUMER } from '@causeway/shared/events/flow';
import { receiptId } from '@causeway/shared/events/instance';
import type { Logger } from '@causeway/shared/logger';
import type { LedgerMetrics } from './ledger-metrics.ts';

export interface SettleParts {
  readonly bus: Pick<Bus, 'publishFact' | 'waitingSince'>;
  readonly database: Database;
  readonly document: () => GatewayDocument | undefined;
  /** Up to which fact this process made sure that the database knows everything; undefined: not yet. */
  readonly caughtUp: () => FactsPosition | undefined;
  readonly log: Logger;
  readonly metrics: Pick<LedgerMetrics, 'settled'>;
}

type SettledFact = FactOf<'ledger.study.settled'>;

const LOOK_EVERY_MS = 3_000;
const PAGE = 500;
/** Of one look: a ledger that comes back after days goes on in the next. */
const MOST_PAGES = 20;
/** A receiver aborts an association that was idle, and tells it within seconds; what is told later than this was never told. */
const TOLD_WITHIN_MS = 60_000;

/**
 * Resolves with how many studies settled. `now` is only as good as what the ledger knows: while facts wait to be written, nothing later than the oldest of them is judged.
 */
export async function settleStudies(parts: SettleParts, now: Date): Promise<number> {
  const document = parts.document();
  if (document === undefined || !(await knowsEveryFact(parts))) return 0;
  // In this order: whatever was published before is written when the database is asked.
  const waiting = await parts.bus.waitingSince('FACTS', LEDGER_CONSUMER);
  const known = Math.min(now.getTime(), waiting?.getTime() ?? Number.POSITIVE_INFINITY);
  const { quietMs, patienceMs } = timesOf(document);
  const asked = { quietSince: new Date(known - quietMs), givenUpSince: new Date(known - Math.max(quietMs, patienceMs)), limit: PAGE };
  let count = 0;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const studies = await findQuietStudies(parts.database, asked);
    await tell(parts, studies);
    count += studies.length;
    if (studies.length < PAGE) break;
  }
  return count;
}

/** A database that was exchanged for an older one has to be told first what it missed (catch-up.ts). */
async function knowsEveryFact({ caughtUp, database }: SettleParts): Promise<boolean> {
  const noted = caughtUp();
  if (noted === undefined) return false;
  return goesOn(await readFactsPosition(database), noted);
}

function timesOf({ gateway, limits, negotiation }: GatewayDocument): { quietMs: number; patienceMs: number } {
  const idleMs = Math.max(limits.idle, ...negotiation.callers.map(({ idle }) => idle ?? 0));
  return { quietMs: gateway.settleAfter, patienceMs: idleMs + TOLD_WITHIN_MS };
}

/** The fact first: after a kill in between it is found again, and told under the same id. */
async function tell({ bus, database, metrics }: SettleParts, studies: readonly QuietStudy[]): Promise<void> {
  const facts = studies.map(settledFactOf);
  await Promise.all(facts.map((fact) => bus.publishFact(fact)));
  await applyFacts(database, facts);
  for (const { study } of facts) metrics.settled(study.incomplete);
}

function settledFactOf(quiet: QuietStudy): SettledFact {
  const { studyKey, lastReceiptId, lastReceivedAt, facility, instances, settlings } = quiet;
  const ending = endingOf(quiet);
  return {
    ...newEnvelope(0, facility ?? undefined),
    id: `settled.${lastReceiptId}`,
    type: 'ledger.study.settled',
    study: {
      key: studyKey,
      instances,
      lastReceiptId: receiptId.parse(lastReceiptId),
      lastReceivedAt: lastReceivedAt.toISOString(),
      incomplete: INCOMPLETE_ENDINGS.has(ending),
      ending,
      settling: settlings + 1,
    },
  };
}

function endingOf({ hasAssociation, outcome, goesOn }: QuietStudy): StudyEnding {
  if (outcome === 'rejected' || outcome === 'no-association') return 'unknown';
  if (outcome !== null) return outcome;
  if (!hasAssociation) return 'unknown';
  return goesOn ? 'open' : 'never-told';
}

/** Resolves at once; goes on until `stop`, which waits for the look under way. */
export function keepSettling(parts: SettleParts): { stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const look = async (): Promise<void> => {
    await settleStudies(parts, new Date()).catch((error: unknown) =>
      parts.log.warn({ reason: describeError(error) }, 'studies that have settled could not be told, trying again'),
    );
    if (!stopped) timer = setTimeout(() => (running = look()), LOOK_EVERY_MS);
  };
  let running = look();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
