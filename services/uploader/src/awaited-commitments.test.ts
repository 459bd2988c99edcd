// What is done with a delivery that waits for a commitment, by what is on record about it: the whole of it, without an archive.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { openAskedCommitments } from '@causeway/shared/bus/asked-commitments';
import { RecordingBus } from '@causeway/shared/bus/recording-bus-for-tests';
import { TransientError } from '@causeway/shared/errors';
import type { StoredCopy } from '@causeway/shared/events/asked-commitment';
import { AwaitedCommitments, type Turn } from './awaited-commitments.ts';
import { CommitmentHints } from './commitment-hints.ts';
import { dueOf, memoryStore, newDelivery } from './deliveries-for-tests.ts';
import type { DueParcel } from './delivery-attempt.ts';
import { NO_HISTORY, recordKey } from './delivery-records.ts';
import { FakeClock } from './fake-clock-for-tests.ts';

const HOUR_MS = 3_600_000;
const LATEST = '2.25.2';
const EARLIER = '2.25.1';

interface Given {
  /** What the archive said: in answer to which request, about which copy, with which reason [committed]. */
  readonly verdict?: { readonly to?: string; readonly copy?: 'another'; readonly reason?: number };
  /** Age of the latest request, ms; not accepted: undefined. */
  readonly askedAgoMs?: number;
  readonly stored?: Partial<StoredCopy>;
  readonly turn?: Partial<Turn>;
}

/** One turn of a delivery of which a copy is stored; `submitted`: what went to the worker. */
async function story(given: Given) {
  const bus = new RecordingBus();
  const asked = await openAskedCommitments(bus);
  const clock = new FakeClock();
  const due = dueOf(newDelivery(memoryStore(), { edge: 2 }));
  const key = recordKey(due);
  const stored: StoredCopy = {
    ...{ copy: randomUUID(), callingAe: 'CAUSEWAY', content: due.delivery.instance.digest, size: 700, digest: 'ab'.repeat(32) },
    ...{ confirmation: 'c-store B007', warning: 'status B007', transactionUid: LATEST },
    ...given.stored,
  };
  await asked.keepCopy(key, stored);
  const acceptedAt = given.askedAgoMs === undefined ? undefined : new Date(clock.now() - given.askedAgoMs).toISOString();
  await asked.keepTransaction(LATEST, { destination: 'pacs', archiveAe: 'ARCHIVE', replica: randomUUID(), acceptedAt, references: [] });
  if (given.verdict !== undefined) {
    const { to = LATEST, copy, reason } = given.verdict;
    await asked.keepVerdict(key, { transactionUid: to, copy: copy === undefined ? stored.copy : randomUUID(), reason });
  }
  const retry = { first: 5_000, factor: 2, max: 600_000, giveUpAfter: 7 * 24 * HOUR_MS };
  const settings = { retry, timeouts: { commitment: HOUR_MS } };
  const hints = new CommitmentHints(clock);
  const awaited = new AwaitedCommitments({ asked, bus, settings, clock, hints, random: () => 0 });
  const submitted: DueParcel['commitment'][] = [];
  const ref = due.delivery.instance;
  const submit: Turn['submit'] = async (commitment) => {
    submitted.push(commitment);
    return { ref, outcome: { kind: 'transient', reason: 'as far as this test goes', fault: 'none' } };
  };
  const turn: Turn = { due, history: NO_HISTORY, lastTry: false, isTooOld: async () => false, submit, ...given.turn };
  const result = await awaited.attempt(turn).catch((error: unknown) => error as TransientError);
  return { result, submitted, bus, copyLeft: await asked.copy(key), awaited, turn, clock, hints, asked, key, stored };
}

const outcomeOf = (result: Awaited<ReturnType<typeof story>>['result']) => {
  assert.ok(!(result instanceof Error), String(result));
  return result.outcome;
};

describe('a delivery whose copy is stored', () => {
  it('is delivered once the archive committed to the copy, with the digest, the size and the warning of what was sent', async () => {
    const { result, submitted } = await story({ verdict: {}, askedAgoMs: 1000 });
    const outcome = outcomeOf(result);
    assert.deepEqual(outcome, { kind: 'delivered', confirmation: 'c-store B007 + storage commitment', warning: 'status B007' });
    assert.ok(!(result instanceof Error) && result.ref.digest === 'ab'.repeat(32) && result.ref.size === 700);
    assert.deepEqual(submitted, []);
  });

  it('is delivered by a commitment in answer to an earlier request, which may come last', async () => {
    assert.equal(outcomeOf((await story({ verdict: { to: EARLIER }, askedAgoMs: 1000 })).result).kind, 'delivered');
  });

  it('is not delivered by what was said about another copy, nor failed by the answer to an earlier request', async () => {
    for (const verdict of [{ copy: 'another' as const }, { to: EARLIER, reason: 0x0112 }]) {
      const { result, submitted } = await story({ verdict, askedAgoMs: 1000 });
      assert.ok(result instanceof TransientError && result.retryAfterMs === 5_000, JSON.stringify(verdict));
      assert.deepEqual(submitted, []);
    }
  });

  it('waits for as long as the request is old, between the least and the longest wait, and counts as no try', async () => {
    for (const [askedAgoMs, waitMs] of [
      [0, 5_000],
      [40_000, 40_000],
      [1_500_000, 600_000],
      [HOUR_MS - 2_000, 2_000],
    ] as const) {
      const { result, bus } = await story({ askedAgoMs });
      assert.ok(result instanceof TransientError);
      assert.equal(result.retryAfterMs, waitMs);
      assert.deepEqual(bus.facts, []);
    }
  });

  it('is asked for again, as the same copy, once the request is too old, was not accepted, or is on record no more', async () => {
    for (const given of [
      { askedAgoMs: HOUR_MS },
      {},
      { stored: { transactionUid: '2.25.3' } },
      { stored: { transactionUid: undefined } },
    ]) {
      const { submitted, stored } = await story(given);
      assert.equal(submitted[0]?.stored?.copy, stored.copy, JSON.stringify(given));
    }
  });

  it('is sent, not asked for, when what is stored has other content', async () => {
    const { submitted } = await story({ stored: { content: 'other' }, verdict: {}, askedAgoMs: 1000 });
    assert.deepEqual([submitted.length, submitted[0]!.stored], [1, undefined]);
  });

  it('is given up when it has waited for too long, with words that say what the archive has', async () => {
    const outcome = outcomeOf((await story({ askedAgoMs: 1000, turn: { isTooOld: async () => true } })).result);
    assert.ok(outcome.kind === 'permanent' && /stored \(c-store B007\), but the archive never committed/.test(outcome.reason));
  });

  /** Reason, outcome, and what is done next: sent again, asked again, or nothing. */
  const failures: [number, string, 'sent' | 'asked' | 'nothing'][] = [
    [0x0110, 'refused', 'asked'],
    [0x0112, 'refused', 'sent'],
    [0x0119, 'permanent', 'nothing'],
    [0x0122, 'permanent', 'nothing'],
    [0x0131, 'refused', 'asked'],
    [0x0213, 'transient', 'asked'],
    [0x9999, 'refused', 'asked'],
  ];
  for (const [reason, kind, next] of failures)
    it(`fails for ${reason.toString(16).padStart(4, '0')}: ${kind}, then ${next}`, async () => {
      const { result, copyLeft, stored, awaited, turn, submitted } = await story({ verdict: { reason }, askedAgoMs: 1000 });
      assert.equal(outcomeOf(result).kind, kind);
      if (next === 'sent') assert.equal(copyLeft, undefined);
      else assert.deepEqual([copyLeft?.copy, copyLeft?.transactionUid], [stored.copy, undefined]);
      if (next === 'nothing') return;
      await awaited.attempt(turn);
      assert.equal(submitted[0]!.stored?.copy, next === 'sent' ? undefined : stored.copy);
    });

  it('is parked by the last refusal that it may have', async () => {
    const outcome = outcomeOf((await story({ verdict: { reason: 0x0112 }, askedAgoMs: 1, turn: { lastTry: true } })).result);
    assert.ok(outcome.kind === 'permanent' && /0112.*not tried again/.test(outcome.reason));
  });
});

describe('a delivery that was just asked for', () => {
  /** The archive takes the request, and says nothing yet. */
  async function justAsked() {
    const world = await story({ stored: { transactionUid: undefined } });
    const { stored, turn, asked, key } = world;
    const submit: Turn['submit'] = async () => {
      const copy = { ...stored, transactionUid: LATEST };
      await asked.keepCopy(key, copy);
      return { ref: turn.due.delivery.instance, outcome: { kind: 'stored', stored: copy } };
    };
    return { ...world, turn: { ...turn, submit } };
  }
  const settled = async (): Promise<void> => {
    for (let n = 0; n < 50; n += 1) await new Promise((resolve) => setImmediate(resolve));
  };

  it('is delivered by an answer within two seconds, of which a hint tells', async () => {
    const { awaited, turn, asked, key, stored, hints } = await justAsked();
    const ended = awaited.attempt(turn);
    await settled();
    await asked.keepVerdict(key, { transactionUid: LATEST, copy: stored.copy });
    hints.heard(LATEST);
    assert.equal((await ended).outcome.kind, 'delivered');
  });

  it('is delivered by an answer that was there before anybody waited for it', async () => {
    const { awaited, turn, asked, key, stored } = await justAsked();
    const submit: Turn['submit'] = async (commitment) => {
      await asked.keepVerdict(key, { transactionUid: LATEST, copy: stored.copy });
      return await turn.submit(commitment);
    };
    assert.equal((await awaited.attempt({ ...turn, submit })).outcome.kind, 'delivered');
  });

  it('without an answer is told as waiting, and given back; the next one is not waited for, until half a minute later', async () => {
    const { awaited, turn, clock, bus } = await justAsked();
    const first = awaited.attempt(turn);
    await settled();
    clock.advance(2_000);
    await assert.rejects(first, (error) => error instanceof TransientError && error.retryAfterMs === 5_000);
    const [fact] = bus.facts;
    assert.ok(fact?.type === 'ledger.delivery.attempted');
    assert.match(fact.reason, /waiting for the archive's storage commitment/);
    assert.deepEqual([fact.attempt, Date.parse(fact.nextAttemptAt)], [1, clock.now() + HOUR_MS]);
    const another = await justAsked();
    await assert.rejects(awaited.attempt({ ...another.turn, submit: turn.submit }), TransientError);
    clock.advance(30_000);
    let isOver = false;
    const later = awaited.attempt({ ...another.turn, submit: turn.submit }).catch(() => {
      isOver = true;
    });
    await settled();
    assert.equal(isOver, false, 'waited for');
    clock.advance(2_000);
    await later;
  });

  it('is never delivered by what the archive stored alone', async () => {
    const { awaited, turn } = await justAsked();
    const submit: Turn['submit'] = async () => ({
      ref: turn.due.delivery.instance,
      outcome: { kind: 'delivered', confirmation: 'c-store 0000' },
    });
    await assert.rejects(awaited.attempt({ ...turn, submit }), TransientError);
  });
});
