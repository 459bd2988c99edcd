// What a receiver has in custody, compared with what it said: every 0000 has its event and its object, every event has its object, and every object is whole.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bus } from '@causeway/shared/bus/bus';
import { readCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { type InstanceReceived, instanceReceived } from '@causeway/shared/events/instance';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import type { AcceptedInstance } from './run-send.ts';
import { until } from './wait-for-fact.ts';

/** A consumer that passes messages over is made anew after up to four pulls of 15 s. */
const EVERY_EVENT_WITHIN_MS = 180_000;

export interface CustodyView {
  readonly events: InstanceReceived[];
  /** SOP Instance UID and digest by object key. */
  readonly objects: Map<string, AcceptedInstance>;
  /** Keys of objects that no event tells of. */
  readonly orphans: string[];
}

/** Takes every event out of RECEIVED and reads every object; fails when one is not whole, or when something that was accepted is not there. */
export async function auditCustody(bus: Bus, objectsFolder: string, accepted: readonly AcceptedInstance[]): Promise<CustodyView> {
  const view = await viewCustody(bus, objectsFolder);
  assert.deepEqual(notAnnounced(view, accepted), [], 'accepted, and not announced');
  return view;
}

/**
 * As auditCustody, where the broker may have forgotten what it acknowledged (nats-server 2.9 does after a freeze now and then: in 3 of 10 runs, one to eight of 65): every object must be there, whole, and while a
 * ledger runs everything that was accepted is announced in the end. Resolves with how many the broker had forgotten.
 */
export async function auditMendedCustody(
  bus: Bus,
  { objectsFolder, startLedger }: { objectsFolder: string; startLedger: () => Promise<{ stop(): Promise<void> }> },
  accepted: readonly AcceptedInstance[],
): Promise<number> {
  const view = await viewCustody(bus, objectsFolder);
  const inCustody = new Set([...view.objects.values()].map(nameOf));
  assert.deepEqual(
    accepted.filter((instance) => !inCustody.has(nameOf(instance))),
    [],
    'accepted, and without object',
  );
  const events = [...view.events];
  const ledger = await startLedger();
  try {
    // The ledger announces again what nobody moved; here nobody moves anything.
    await until(
      'the ledger has announced something again',
      async () => (await bus.backlog('RECEIVED')).messages > 0,
      EVERY_EVENT_WITHIN_MS,
    );
    await until(
      'everything that was accepted is announced',
      async () => {
        events.push(...(await takeEvents(bus)));
        return notAnnounced({ events }, accepted).length === 0;
      },
      EVERY_EVENT_WITHIN_MS,
    );
  } finally {
    await ledger.stop();
  }
  return notAnnounced(view, accepted).length;
}

const nameOf = ({ sopInstanceUid, digest }: AcceptedInstance): string => `${sopInstanceUid} ${digest}`;

function notAnnounced({ events }: Pick<CustodyView, 'events'>, accepted: readonly AcceptedInstance[]): AcceptedInstance[] {
  const announced = new Set(events.map(({ instance }) => nameOf(instance)));
  return accepted.filter((instance) => !announced.has(nameOf(instance)));
}

/** Fails when an object is not whole, or an event has none. */
async function viewCustody(bus: Bus, objectsFolder: string): Promise<CustodyView> {
  const store = await openFolderStore(objectsFolder);
  const objects = await wholeObjects(store);
  await store.close();
  const events = await takeEvents(bus);
  for (const { instance } of events) {
    const object = objects.get(instance.objectKey);
    assert.deepEqual(
      object,
      { sopInstanceUid: instance.sopInstanceUid, digest: instance.digest },
      `the object of event ${instance.receiptId}`,
    );
  }
  const known = new Set<string>(events.map(({ instance }) => instance.objectKey));
  return { events, objects, orphans: [...objects.keys()].filter((key) => !known.has(key)) };
}

/** Every received object, its digest taken again from its data set; fails when it is not the one that group 2 tells. */
export async function wholeObjects(store: ObjectStore): Promise<Map<string, AcceptedInstance>> {
  const objects = new Map<string, AcceptedInstance>();
  for await (const { key } of store.list('received/')) {
    const bytes = Buffer.concat(await Array.fromAsync(await store.get(key)));
    const parsed = parseFileMeta(bytes);
    assert.ok(parsed, `${key} is not whole: ${bytes.length} bytes`);
    const digest = createHash('sha256').update(bytes.subarray(parsed.dataSetOffset)).digest('hex');
    assert.equal(readCustodyMeta(parsed.meta)?.digest, digest, `${key} is half-written or altered`);
    objects.set(key, { sopInstanceUid: parsed.meta.sopInstanceUid, digest });
  }
  return objects;
}

async function takeEvents(bus: Bus): Promise<InstanceReceived[]> {
  const events: InstanceReceived[] = [];
  const plan = { stream: 'RECEIVED', name: 'audit', filter: 'instance.received.>', schema: instanceReceived, concurrency: 100 } as const;
  const take = () =>
    bus.consume({ ...plan, onPermanent: async ({ error }) => assert.fail(error) }, async ({ event }) => {
      events.push(event);
    });
  // A cluster may still be choosing who leads it.
  const consumption = await until('a consumer', take);
  try {
    await until('every event is taken', async () => (await bus.backlog('RECEIVED')).messages === 0, EVERY_EVENT_WITHIN_MS);
    return events;
  } finally {
    // Else it would take the events of the next test.
    await consumption.stop();
  }
}

/** Files that are being written; those opened ahead are empty. */
export async function halfWrittenFiles(objectsFolder: string): Promise<string[]> {
  const incoming = join(objectsFolder, '.incoming');
  const names = await readdir(incoming);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(incoming, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return names.filter((_, at) => sizes[at]! > 0);
}
