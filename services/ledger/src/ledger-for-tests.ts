// A ledger's surroundings for tests: real PostgreSQL, a folder of objects, a recording bus.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ObjectKey, ReceiptId } from '@causeway/shared/brands';
import { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { RecordingBus } from '@causeway/shared/bus/recording-bus-for-tests';
import { defaultGatewayDocument, type GatewayDocument, parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { type Database, openDatabase } from '@causeway/shared/database/database';
import { migrate } from '@causeway/shared/database/migrate';
import { digestBytes, encodeCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import type { Instance } from '@causeway/shared/events/instance';
import { createLogger } from '@causeway/shared/logger';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { startPostgres } from '../../../test-e2e/src/postgres-for-tests.ts';

export const QUICK = { looks: 2, betweenMs: 1 };
export const log = createLogger('ledger', 'silent');
export const metrics = {
  reconciled: () => {},
  deleted: () => {},
  postponed: () => {},
  requeued: () => {},
  settled: () => {},
  spaceStage: () => {},
  clockDistrusted: () => {},
  miscounted: () => {},
};

/** The default document, with destination `cloud` beside the sandbox. */
export function testDocument(): GatewayDocument {
  const source = defaultGatewayDocument('http://127.0.0.1:1/dicom-web') as { destinations: object[]; facilities: object[] };
  source.destinations.push({ id: 'cloud', kind: 'stow', url: 'http://127.0.0.1:1/dicom-web' });
  source.facilities = [{ id: 'north', match: [{}], destinations: ['cloud'], retention: '2d' }];
  return parseGatewayDocument(source);
}

export interface TestLedger {
  readonly database: Database;
  readonly store: ObjectStore;
  /** As the parts of reconcile and retain. */
  parts(): { bus: RecordingBus; queues: DeliveryQueues; store: ObjectStore; database: Database; log: typeof log; metrics: typeof metrics };
  putObject(key: ObjectKey, bytes: Buffer, modifiedAt?: Date): Promise<void>;
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function startTestLedger(): Promise<TestLedger> {
  const postgres = await startPostgres();
  const database = openDatabase(postgres.url);
  await migrate(database);
  const folder = await mkdtemp(path.join(tmpdir(), 'causeway-objects-'));
  const store = await openFolderStore(folder);
  return {
    database,
    store,
    parts: () => {
      const bus = new RecordingBus();
      return {
        bus,
        queues: new DeliveryQueues({ bus, document: testDocument, now: () => performance.now() }),
        store,
        database,
        log,
        metrics,
      };
    },
    putObject: async (key, bytes, modifiedAt) => {
      const upload = store.create(key);
      await upload.write(bytes);
      await upload.commit();
      if (modifiedAt) await utimes(path.join(folder, key), modifiedAt, modifiedAt);
    },
    clear: async () => {
      for (const table of ['instances', 'deliveries']) await database.query(`DELETE FROM ${table}`);
      await database.query(
        'TRUNCATE studies, series, operator_actions, commitments, associations, conflicts, deletions, study_arrivals, study_settlings, association_ends',
      );
      for (const prefix of ['received/', 'derived/', 'commitments/'])
        for await (const { key } of store.list(prefix)) await store.delete(key);
    },
    stop: async () => {
      await database.close();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The object that a receiver would have written for the instance: explicit VR little endian, 16 bytes of pixel data. Sets digest and size. */
export function objectOf(instance: Instance): { bytes: Buffer; instance: Instance } {
  const { attributes } = instance;
  const dataSet = Buffer.concat([
    element(0x0008_0016, 'UI', instance.sopClassUid),
    element(0x0008_0018, 'UI', instance.sopInstanceUid),
    element(0x0008_0020, 'DA', attributes.StudyDate ?? ''),
    element(0x0008_0030, 'TM', attributes.StudyTime ?? ''),
    element(0x0008_0050, 'SH', attributes.AccessionNumber ?? ''),
    element(0x0008_0060, 'CS', attributes.Modality ?? ''),
    element(0x0008_0080, 'LO', attributes.InstitutionName ?? ''),
    element(0x0008_1030, 'LO', attributes.StudyDescription ?? ''),
    element(0x0010_0010, 'PN', attributes.PatientName ?? ''),
    element(0x0010_0020, 'LO', attributes.PatientID ?? ''),
    element(0x0020_000d, 'UI', instance.studyInstanceUid ?? ''),
    element(0x0020_000e, 'UI', instance.seriesInstanceUid ?? ''),
    element(0x0020_0013, 'IS', attributes.InstanceNumber ?? ''),
    Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x57, 0, 0, 16, 0, 0, 0]),
    Buffer.alloc(16, 7),
  ]);
  const { callingAe, calledAe, source, listener, tlsSubject } = instance.association;
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, lane, receivedAt } = instance;
  const facts = { sopClassUid, sopInstanceUid, transferSyntaxUid, lane, callingAe, calledAe, source, listener, tlsSubject, receivedAt };
  const meta = encodeCustodyMeta(facts);
  const digest = createHash('sha256').update(dataSet).digest('hex');
  digestBytes(digest).copy(meta.bytes, meta.digestPosition);
  const bytes = Buffer.concat([meta.bytes, dataSet]);
  return { bytes, instance: { ...instance, digest, size: bytes.length } };
}

/** PS3.5 section 7.1.2, short form. */
function element(tag: number, vr: string, value: string): Buffer {
  const text = Buffer.from(value, 'latin1');
  const padded = text.length % 2 === 0 ? text : Buffer.concat([text, Buffer.from(vr === 'UI' ? '\0' : ' ')]);
  const head = Buffer.alloc(8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  head.writeUInt16LE(padded.length, 6);
  return Buffer.concat([head, padded]);
}

/** The store with one call that answers otherwise for some keys. */
export function failing<Call extends 'get' | 'delete'>(
  store: ObjectStore,
  call: Call,
  instead: (key: ObjectKey) => ReturnType<ObjectStore[Call]> | undefined,
): ObjectStore {
  return new Proxy(store, {
    get: (target, name) => {
      const own = Reflect.get(target, name, target);
      if (typeof own !== 'function') return own;
      return (...given: [ObjectKey]) => (name === call ? instead(given[0]) : undefined) ?? Reflect.apply(own, target, given);
    },
  });
}

export const derivedKeyOf = (receiptId: ReceiptId, name: string): ObjectKey => `derived/${receiptId}/${name}` as ObjectKey;
