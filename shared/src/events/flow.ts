// The table of streams and subjects: who publishes what, who consumes it. Subjects never say who the patient is.
import type { DerivationProfile } from './delivery.ts';
import type { Lane } from './instance.ts';

export type StreamName = 'RECEIVED' | 'READY' | 'DERIVATIONS' | 'DELIVERIES' | 'RETRIEVALS' | 'COMMITMENTS' | 'FACTS';

/** `retention` workqueue: a message leaves when acknowledged, and a full stream refuses (discard new). limits: oldest leave first. */
export interface StreamPlan {
  readonly subjects: string[];
  readonly retention: 'workqueue' | 'limits';
  readonly maxMessages: number;
  readonly maxAgeMs?: number;
  readonly producers: string[];
  readonly consumers: string[];
  /** Its durable consumers are each for one subject (`<lane>.<facility>` at its end), made while there is work and removed when idle. */
  readonly onDemand?: boolean;
}

const DAY_MS = 86_400_000;

export const FLOW: Record<StreamName, StreamPlan> = {
  RECEIVED: {
    subjects: ['instance.received.>'],
    retention: 'workqueue',
    maxMessages: 1_000_000,
    producers: ['receiver', 'ledger'],
    consumers: ['compressor'],
    onDemand: true,
  },
  READY: {
    subjects: ['instance.ready.>'],
    retention: 'workqueue',
    maxMessages: 1_000_000,
    producers: ['compressor', 'console', 'ledger'],
    consumers: ['router'],
    onDemand: true,
  },
  DERIVATIONS: {
    subjects: ['derivation.due.>'],
    retention: 'workqueue',
    maxMessages: 1_000_000,
    producers: ['uploader'],
    consumers: ['compressor'],
  },
  DELIVERIES: {
    subjects: ['delivery.due.>'],
    retention: 'workqueue',
    maxMessages: 5_000_000,
    producers: ['router', 'compressor', 'retriever', 'console', 'ledger'],
    consumers: ['uploader'],
    onDemand: true,
  },
  RETRIEVALS: {
    subjects: ['retrieval.due.>'],
    retention: 'workqueue',
    maxMessages: 1_000_000,
    producers: ['console', 'retriever'],
    consumers: ['retriever'],
  },
  COMMITMENTS: {
    subjects: ['commitment.>'],
    retention: 'workqueue',
    maxMessages: 100_000,
    producers: ['receiver', 'ledger'],
    consumers: ['ledger', 'receiver'],
  },
  FACTS: {
    subjects: ['ledger.>'],
    retention: 'limits',
    maxMessages: 50_000_000,
    maxAgeMs: 14 * DAY_MS,
    producers: ['all'],
    consumers: ['ledger', 'console'],
  },
};

/** The durable consumer of FACTS that writes them to the database; who judges by the database asks how far behind it is. */
export const LEDGER_CONSUMER = 'ledger';

/** Token of a subject for a facility that the association alone did not decide. */
export const NO_FACILITY = 'none';

const TOKEN = /^[a-z0-9-]{1,63}$/;
const token = (text: string): string => {
  if (!TOKEN.test(text)) throw new Error(`not a subject token (a-z 0-9 -): ${JSON.stringify(text)}`);
  return text;
};

export const receivedSubject = (lane: Lane, facility = NO_FACILITY): string => `instance.received.${lane}.${token(facility)}`;
export const readySubject = (lane: Lane, facility = NO_FACILITY): string => `instance.ready.${lane}.${token(facility)}`;
/** By destination, so that it can be told whether one of its deliveries waits for a derivation. */
export const derivationSubject = (profile: DerivationProfile, destination: string, lane: Lane): string =>
  `derivation.due.${profile}.${token(destination)}.${lane}`;
export const retrievalSubject = (source: string): string => `retrieval.due.${token(source)}`;
export const COMMITMENT_DUE_SUBJECT = 'commitment.due';
/** One subject a commitment, so that it can be told whether an answer is still queued. */
export const commitmentAnswerSubject = (commitmentId: string): string => `commitment.answer.${token(commitmentId)}`;
/** Where the ledger leaves a result for the one receiver process that has the association of its request. What is not taken up soon is queued for any of them. */
export const HANDOFF = {
  bucket: 'commitment-handoff',
  maxAgeMs: 60_000,
  key: (replica: string, commitmentId: string): string => `${token(replica)}.${token(commitmentId)}`,
  keysOf: (replica: string): string => `${token(replica)}.*`,
};
export function deliverySubject(destination: string, lane: Lane, facility = NO_FACILITY): string {
  return `delivery.due.${token(destination)}.${lane}.${token(facility)}`;
}
