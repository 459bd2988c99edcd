// After the last storm: waits until nothing is under way, and reads what there is to be compared.
import { setTimeout as pause } from 'node:timers/promises';
import { type Database, openDatabase } from '@causeway/shared/database/database';
import { knownReceipts } from '@causeway/shared/database/retention-queries';
import { openS3Store } from '@causeway/shared/object-store/s3';
import type { Cluster } from './cluster.ts';
import type { DeliveryRecord, Evidence, ReceiptRecord } from './compare.ts';
import type { WorkView } from './console-side.ts';
import type { Watch } from './watch.ts';

/** Reconciliation after its grace age, retries after their longest wait, and a ledger that catches up, one after the other. */
const SETTLES_WITHIN_MS = 300_000;
const LOOK_EVERY_MS = 1_000;
const MOTION = ['RECEIVED', 'READY', 'DERIVATIONS', 'DELIVERIES'];

export interface Settled {
  readonly afterMs: number;
  /** Whether it came to rest, or the time was up. */
  readonly atRest: boolean;
  readonly work: WorkView;
  /** Failed deliveries that an operator tried again, by their reason. */
  readonly triedAgain: Readonly<Record<string, number>>;
}

/** An operator tries again what failed; everything else comes to rest by itself. */
export async function settle({ cluster, watch, say }: { cluster: Cluster; watch: Watch; say: (line: string) => void }): Promise<Settled> {
  const began = performance.now();
  const triedAgain: Record<string, number> = {};
  const database = openDatabase(cluster.postgres.url, { maxConnections: 2 });
  try {
    for (let told = 0; ; told++) {
      const work = await workOf(cluster);
      const queued = await queuedIn(cluster);
      const moved = work !== undefined && queued === 0 && watch.outstanding === 0 && isNothing(work);
      const atRest = moved && (await everyObjectIsKnown(cluster, database));
      const afterMs = performance.now() - began;
      if (atRest || afterMs > SETTLES_WITHIN_MS) return { afterMs, atRest, work: work ?? UNKNOWN, triedAgain };
      if (told % 10 === 9)
        say(
          moved
            ? 'waiting for reconciliation to take up objects that nobody was told of'
            : `waiting: ${watch.outstanding} to arrive, ${queued ?? '?'} queued, ledger ${JSON.stringify(work)}`,
        );
      if ((work?.failed ?? 0) > 0) await tryAgain(cluster, database, triedAgain);
      await pause(LOOK_EVERY_MS);
    }
  } finally {
    await database.close();
  }
}

const UNKNOWN: WorkView = { held: -1, quarantined: -1, failed: -1, open: -1, parked: -1 };
const isNothing = ({ held, quarantined, failed, open, parked }: WorkView): boolean => held + quarantined + failed + open + parked === 0;

const workOf = ({ console }: Cluster): Promise<WorkView | undefined> =>
  console.get<WorkView>('/api/work', AbortSignal.timeout(10_000)).catch(() => undefined);

async function queuedIn({ nats }: Cluster): Promise<number | undefined> {
  const counts = await Promise.all(MOTION.map((stream) => nats.messagesIn(stream)));
  return counts.some((count) => count === undefined) ? undefined : counts.reduce((sum: number, count) => sum + count!, 0);
}

async function tryAgain({ console }: Cluster, database: Database, triedAgain: Record<string, number>): Promise<void> {
  const failed = await database
    .query<{ reason: string; count: number }>(
      "SELECT COALESCE(reason, '') AS reason, count(*) AS count FROM deliveries WHERE state = 'failed' GROUP BY 1",
    )
    .catch(() => []);
  await console.retryFailed(AbortSignal.timeout(10_000)).catch(() => {});
  for (const { reason, count } of failed) triedAgain[reason] = Math.max(triedAgain[reason] ?? 0, count);
}

/** An object whose outcome its sender was not told lies there until reconciliation takes it up. */
async function everyObjectIsKnown(cluster: Cluster, database: Database): Promise<boolean> {
  const objects = await receivedObjects(cluster);
  const known = await knownReceipts(database, objects).catch(() => new Map());
  return objects.every((receiptId) => known.has(receiptId));
}

export async function gather(cluster: Cluster, watch: Watch): Promise<Pick<Evidence, 'arrived' | 'receipts' | 'deliveries' | 'objects'>> {
  watch.look();
  const database = openDatabase(cluster.postgres.url, { maxConnections: 2 });
  try {
    const receipts = await database.query<ReceiptRecord>(
      'SELECT receipt_id AS "receiptId", sop_instance_uid AS "sopInstanceUid", digest, state FROM instances',
    );
    const deliveries = await database.query<DeliveryRecord & { digestDelivered: string | null }>(
      'SELECT receipt_id AS "receiptId", destination, state, digest_delivered AS "digestDelivered" FROM deliveries',
    );
    const told = deliveries.map((delivery) => ({ ...delivery, digestDelivered: delivery.digestDelivered ?? undefined }));
    return { arrived: watch.arrived, receipts, deliveries: told, objects: await receivedObjects(cluster) };
  } finally {
    await database.close();
  }
}

/** Past the front. */
async function receivedObjects({ s3: { server, bucket } }: Cluster): Promise<string[]> {
  const { endpoint, accessKey, secretKey } = server;
  const store = await openS3Store({
    bucket,
    endpoint,
    accessKey,
    secretKey,
    region: 'us-east-1',
    pathStyle: true,
    spoolFolder: '/tmp',
    report: () => {},
  });
  try {
    const objects = await Array.fromAsync(store.list('received/'));
    return objects.map(({ key }) => key.replace(/^.*\//, '').replace(/\.dcm$/, ''));
  } finally {
    await store.close();
  }
}
