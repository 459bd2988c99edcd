// The memory of uploaders and receivers for the commitments that archives are asked for: an uploader asks, whoever hears the answer writes it down.
import type { z } from 'zod';
import {
  type CommitmentTransaction,
  type CommitmentVerdict,
  commitmentTransaction,
  commitmentVerdict,
  type StoredCopy,
  storedCopy,
} from '../events/asked-commitment.ts';
import type { Bucket, Bus } from './bus.ts';

/** Keys are those of deliveries in one generation. All methods throw TransientError when JetStream is out of reach. */
export interface AskedCommitments {
  copy(key: string): Promise<StoredCopy | undefined>;
  keepCopy(key: string, copy: StoredCopy): Promise<void>;
  /** It has to be sent again. */
  forgetCopy(key: string): Promise<void>;
  transaction(transactionUid: string): Promise<CommitmentTransaction | undefined>;
  keepTransaction(transactionUid: string, transaction: CommitmentTransaction): Promise<void>;
  verdict(key: string): Promise<CommitmentVerdict | undefined>;
  keepVerdict(key: string, verdict: CommitmentVerdict): Promise<void>;
  /** Tells the uploader that asked; it may be gone. */
  tellAsker(replica: string, transactionUid: string): Promise<void>;
  /** Calls with each transaction of ours that was answered, soon; a hint, perhaps more than once. */
  onAnswered(replica: string, call: (transactionUid: string) => void): Promise<{ stop(): void }>;
}

const DAY_MS = 86_400_000;
/** Asking again, which is done once a day at least (`timeouts.commitment`), makes a copy young; two days more leave room for a broker or an archive that was away. */
const KEPT_MS = 3 * DAY_MS;
/** An answer that takes longer is refused. One day more than the default giveUpAfter. */
const TRANSACTION_MS = 8 * DAY_MS;
/** Who asked waits no longer in its process. */
const HINT_MS = 60_000;

/** Buckets `stored-copies`, `asked-commitments`, `commitment-verdicts` and `commitment-hints`. */
export async function openAskedCommitments(bus: Pick<Bus, 'bucket'>): Promise<AskedCommitments> {
  const copies = await bus.bucket('stored-copies', { maxAgeMs: KEPT_MS });
  const transactions = await bus.bucket('asked-commitments', { maxAgeMs: TRANSACTION_MS });
  const verdicts = await bus.bucket('commitment-verdicts', { maxAgeMs: KEPT_MS });
  const hints = await bus.bucket('commitment-hints', { maxAgeMs: HINT_MS });
  return {
    copy: (key) => read(copies, key, storedCopy),
    keepCopy: (key, copy) => copies.put(key, json(copy)),
    forgetCopy: (key) => copies.delete(key),
    transaction: (transactionUid) => read(transactions, transactionUid, commitmentTransaction),
    keepTransaction: (transactionUid, transaction) => transactions.put(transactionUid, json(transaction)),
    verdict: (key) => read(verdicts, key, commitmentVerdict),
    keepVerdict: (key, verdict) => verdicts.put(key, json(verdict)),
    tellAsker: (replica, transactionUid) =>
      hints.put(`${replica}.${transactionUid.replaceAll('.', '-')}`, Buffer.from(transactionUid, 'latin1')),
    onAnswered: (replica, call) => hints.watch(`${replica}.*`, (value) => call(Buffer.from(value).toString('latin1'))),
  };
}

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value), 'utf8');

/** A value that is not of the schema is as good as none: what it told of is sent or asked for once more, which is harmless. */
async function read<T>(bucket: Bucket, key: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const value = await bucket.get(key);
  if (value === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(value).toString('utf8')));
  } catch {
    return undefined;
  }
}
