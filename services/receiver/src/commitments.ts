// Storage commitment as the receiver's associations see it: requests in, results out, by whichever replica is free.
import { randomUUID } from 'node:crypto';
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { EventReporter, ScpHandlers } from '@causeway/shared/dicom/dimse/scp';
import { describeError, ObjectMissing } from '@causeway/shared/errors';
import { type CommitmentAnswer, commitmentAnswer } from '@causeway/shared/events/commitment';
import { HANDOFF } from '@causeway/shared/events/flow';
import type { Logger } from '@causeway/shared/logger';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { reportCommitment } from './report-commitment.ts';
import { requestMemory, takeCommitment } from './take-commitment.ts';

export interface CommitmentsParts {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly log: Logger;
  readonly document: () => GatewayDocument;
}

export interface Commitments {
  readonly actionRequested: NonNullable<ScpHandlers['actionRequested']>;
  associationEnded(associationId: string): void;
  /** Begins to tell results. */
  start(): Promise<void>;
  /** Waits for the reports under way. */
  stop(): Promise<void>;
}

/** Reports under way at a time, of those handed over as of those queued: each may wait half a minute for a slow requestor, and holds its whole result. */
const CONCURRENCY = 8;
/** A value of the hand-off may come again after a reconnect. */
const MAX_REMEMBERED = 1_000;

export function createCommitments({ bus, store, log, document }: CommitmentsParts): Commitments {
  const replica = randomUUID();
  const memory = requestMemory();
  const reporters = new Map<string, EventReporter>();
  const handedOver = new Set<string>();
  let telling = 0;
  const custodyMs = (): number => document().limits.custody;
  const report = (answer: CommitmentAnswer): Promise<void> =>
    reportCommitment({ bus, store, log, document, reporterOf: (id) => reporters.get(id) }, answer);
  let consumption: Consumption | undefined;
  let watch: { stop(): void } | undefined;

  /** A requestor that waits on its association gets the result there; whatever goes wrong, the ledger queues it for any replica. */
  const takeOver = (value: Uint8Array): void => {
    const answer = commitmentAnswer.safeParse(parseJson(value)).data;
    if (answer === undefined || telling >= CONCURRENCY) return;
    // A request that was repeated on another association is handed over again.
    const handing = `${answer.commitment.id} ${answer.commitment.association.id}`;
    if (handedOver.has(handing)) return;
    if (handedOver.size >= MAX_REMEMBERED) handedOver.clear();
    handedOver.add(handing);
    telling += 1;
    void report(answer)
      .catch((error: unknown) => log.warn({ commitment: answer.commitment.id, reason: describeError(error) }, 'result not told'))
      .finally(() => {
        telling -= 1;
      });
  };

  return {
    actionRequested: (association, request, reporter) => {
      reporters.set(association.id, reporter);
      return takeCommitment({ bus, store, log, replica, memory, custodyMs }, association, request);
    },
    associationEnded: (associationId) => void reporters.delete(associationId),
    start: async () => {
      watch = await (await bus.bucket(HANDOFF.bucket, HANDOFF)).watch(HANDOFF.keysOf(replica), takeOver);
      consumption = await bus.consume(
        {
          stream: 'COMMITMENTS',
          name: 'commitment-answer',
          filter: 'commitment.answer.>',
          schema: commitmentAnswer,
          concurrency: CONCURRENCY,
          onPermanent: async ({ error }) => {
            // A result that is no longer kept was told, or given up.
            if (!(error instanceof ObjectMissing)) log.error({ reason: error.message }, 'a storage commitment result cannot be told');
          },
        },
        ({ event }) => report(event),
      );
    },
    stop: async () => {
      watch?.stop();
      await consumption?.stop();
    },
  };
}

function parseJson(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString('utf8'));
  } catch {
    return undefined;
  }
}
