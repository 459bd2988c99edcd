// A draft document on what was received: each stored header is decided by the document that holds and by the draft, and the differences are counted.
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { type PastInstance, Rehearsal, type RehearsedOutcome, rehearseBoth } from '@causeway/shared/config/rehearsal';
import { asksForMore } from '@causeway/shared/config/stored-header';
import type { Database } from '@causeway/shared/database/database';
import { findReceivedHeaders, firstReceiptOfNewest, type ReceivedHeader } from '@causeway/shared/database/header-queries';
import { PastRevisions } from './past-revisions.ts';

export interface DryRunOrder {
  readonly current: GatewayDocument;
  readonly draft: GatewayDocument;
  readonly since: Date;
  /** Instances, the newest. */
  readonly most: number;
  /** Nothing is read any more after so long. */
  readonly withinMs: number;
}

export interface DifferenceGroup {
  readonly before: RehearsedOutcome;
  readonly after: RehearsedOutcome;
  instances: number;
  /** Receipt id of the first. */
  readonly example: string;
}

/** `since`, `until`: of the instances looked at. `complete`: all that were asked for. `groups`: of equal differences, most instances first. */
export interface DryRunAnswer {
  readonly instances: number;
  readonly changed: number;
  readonly unknown: number;
  readonly unknownBecause: { readonly because: string; readonly instances: number }[];
  readonly since: Date;
  readonly until: Date | null;
  readonly complete: boolean;
  readonly groups: DifferenceGroup[];
  readonly moreGroups: number;
}

const PAGE = 500;
const MOST_GROUPS = 100;
/** Others of the console's requests wait at most so long for their turn. */
const SLICE_MS = 20;

export async function dryRun(database: Database, order: DryRunOrder): Promise<DryRunAnswer> {
  const differences = new Differences();
  const rehearsals = [new Rehearsal(order.current), new Rehearsal(order.draft)] as const;
  const began = performance.now();
  let sliceBegan = began;
  for await (const past of receivedSince(database, order)) {
    if (performance.now() - began > order.withinMs) return differences.answer(order.since, false);
    differences.add(past, rehearseBoth(...rehearsals, past));
    if (performance.now() - sliceBegan < SLICE_MS) continue;
    await turn();
    sliceBegan = performance.now();
  }
  return differences.answer(order.since, true);
}

type PastReceipt = PastInstance & { readonly receiptId: string; readonly receivedAt: Date };

/** The newest of the time asked for, in the order of their receipt, read in pages. */
async function* receivedSince(database: Database, { since, most, current, draft }: DryRunOrder): AsyncGenerator<PastReceipt> {
  const first = await firstReceiptOfNewest(database, { since, most });
  if (first === undefined) return;
  const revisions = asksForMore(current) || asksForMore(draft) ? new PastRevisions(database) : undefined;
  let page = await findReceivedHeaders(database, { from: first, limit: Math.min(PAGE, most) });
  const began = page[0]?.receivedAt ?? since;
  for (let left = most; page.length > 0; ) {
    for (const row of page) yield await pastOf(row, { revisions, began });
    left -= page.length;
    const limit = Math.min(PAGE, left);
    page = limit === 0 ? [] : await findReceivedHeaders(database, { after: page.at(-1)!.receiptId, limit });
  }
}

interface Reading {
  /** Where a document asks for attributes that are not read of every instance. */
  readonly revisions: PastRevisions | undefined;
  readonly began: Date;
}

async function pastOf(row: ReceivedHeader, { revisions, began }: Reading): Promise<PastReceipt> {
  const readPaths = (await revisions?.readPaths(row)) ?? new Set<string>();
  const studyBegan = row.studyBeganAt !== null && row.studyBeganAt >= began;
  return { ...row, studyInstanceUid: row.studyInstanceUid ?? undefined, readPaths, began: studyBegan };
}

class Differences {
  readonly #groups = new Map<string, DifferenceGroup>();
  readonly #unknown = new Map<string, number>();
  #since: Date | undefined;
  #until: Date | null = null;
  #instances = 0;
  #changed = 0;

  add({ receiptId, receivedAt }: PastReceipt, compared: ReturnType<typeof rehearseBoth>): void {
    this.#instances += 1;
    this.#since ??= receivedAt;
    this.#until = receivedAt;
    if ('unknown' in compared) this.#unknown.set(compared.unknown, (this.#unknown.get(compared.unknown) ?? 0) + 1);
    else this.#addCompared(receiptId, compared);
  }

  #addCompared(example: string, { before, after }: Pick<DifferenceGroup, 'before' | 'after'>): void {
    if (isDeepStrictEqual(before, after)) return;
    const key = JSON.stringify([before, after]);
    this.#changed += 1;
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, { before, after, instances: 1, example });
    else group.instances += 1;
  }

  answer(since: Date, complete: boolean): DryRunAnswer {
    const groups = [...this.#groups.values()].sort((one, other) => other.instances - one.instances);
    const unknownBecause = [...this.#unknown].map(([because, instances]) => ({ because, instances }));
    return {
      instances: this.#instances,
      changed: this.#changed,
      unknown: unknownBecause.reduce((sum, { instances }) => sum + instances, 0),
      unknownBecause: unknownBecause.sort((one, other) => other.instances - one.instances),
      since: this.#since ?? since,
      until: this.#until,
      complete,
      groups: groups.slice(0, MOST_GROUPS),
      moreGroups: Math.max(0, groups.length - MOST_GROUPS),
    };
  }
}
