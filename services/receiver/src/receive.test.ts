// Custody at the receiver: what is answered, what is stored and what is announced, for each way a C-STORE can go.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { PublishOptions } from '@causeway/shared/bus/bus';
import { defaultGatewayDocument, parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { createHeaderReader } from '@causeway/shared/config/header-reader';
import type { CStoreRequest, DataSetSink } from '@causeway/shared/dicom/dimse/scp';
import { readCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { PublicationRefused, PublicationUnknown, TransientError } from '@causeway/shared/errors';
import { type InstanceReceived, instanceReceived } from '@causeway/shared/events/instance';
import { createLogger } from '@causeway/shared/logger';
import type { ObjectUpload } from '@causeway/shared/object-store/object-store';
import { receiveInstance } from './receive.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const SOP_INSTANCE = '1.2.3.4';
const document = parseGatewayDocument({ ...defaultGatewayDocument('http://127.0.0.1:1/dicom-web'), limits: { custody: '300ms' } });
const header = createHeaderReader(document);

function element(tag: number, vr: string, text: string): Buffer {
  const value = Buffer.from(text.length % 2 ? `${text}${vr === 'UI' ? '\0' : ' '}` : text, 'latin1');
  const head = Buffer.alloc(8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  head.writeUInt16LE(value.length, 6);
  return Buffer.concat([head, value]);
}

const dataSet = (sopInstance = SOP_INSTANCE): Buffer =>
  Buffer.concat([
    element(0x00080016, 'UI', CT),
    element(0x00080018, 'UI', sopInstance),
    element(0x00080060, 'CS', 'CT'),
    element(0x00080080, 'LO', 'MS44 '),
    element(0x0020000d, 'UI', '1.2.3'),
    element(0x0020000e, 'UI', '1.2.3.1'),
  ]);

interface World {
  readonly objects: Map<string, Buffer>;
  readonly uploads: { discarded: boolean }[];
  readonly published: { event: InstanceReceived; to: PublishOptions }[];
  sink(request?: Partial<CStoreRequest>): DataSetSink;
}

interface Behaviour {
  readonly commit?: () => void | Promise<void>;
  readonly write?: () => void | Promise<void>;
  readonly discard?: () => Promise<void>;
  readonly delete?: () => Promise<void>;
  readonly publish?: () => void;
  readonly refusal?: string;
  readonly tlsSubject?: string;
}

function world(behaviour: Behaviour = {}): World {
  const objects = new Map<string, Buffer>();
  const uploads: { discarded: boolean }[] = [];
  const published: World['published'] = [];
  const store = {
    create: (key: string): ObjectUpload => {
      const state = { discarded: false };
      uploads.push(state);
      let chunks: Buffer[] = [];
      return {
        write: (chunk) => {
          chunks.push(Buffer.from(chunk));
          return behaviour.write ? Promise.resolve().then(behaviour.write) : undefined;
        },
        patch: (position, bytes) => {
          const whole = Buffer.concat(chunks);
          bytes.copy(whole, position);
          chunks = [whole];
        },
        commit: async () => {
          await behaviour.commit?.();
          objects.set(key, Buffer.concat(chunks));
          return { size: objects.get(key)!.length };
        },
        discard: async () => {
          state.discarded = true;
          await behaviour.discard?.();
        },
      };
    },
    delete: async (key: string) => {
      await behaviour.delete?.();
      objects.delete(key);
    },
  };
  const bus = {
    publish: async (event: InstanceReceived, to: PublishOptions) => {
      behaviour.publish?.();
      published.push({ event, to });
    },
    publishFact: async () => {},
  };
  const log = createLogger('test', 'fatal');
  const parts = {
    store,
    announcer: { bus, store, log, facts: { add: () => {} } },
    header: () => header,
    document: () => document,
    refusal: () => behaviour.refusal,
    log,
    answered: () => {},
  } as unknown as Parameters<typeof receiveInstance>[0];
  const association = {
    id: 'a1',
    contexts: [],
    roles: [],
    request: {
      callingAe: 'CT1',
      calledAe: 'GATEWAY',
      contexts: [],
      maxPduBytes: 0,
      implementationClassUid: '1.2',
      roles: [],
      peer: { address: '10.0.0.9', port: 1, listener: 'dicom', tls: behaviour.tlsSubject ? { subject: behaviour.tlsSubject } : undefined },
    },
  };
  return {
    objects,
    uploads,
    published,
    sink: (request) => {
      const made = receiveInstance(parts, association, {
        messageId: 1,
        contextId: 1,
        abstractSyntaxUid: CT,
        transferSyntaxUid: '1.2.840.10008.1.2.1',
        affectedSopClassUid: CT,
        affectedSopInstanceUid: SOP_INSTANCE,
        priority: 0,
        ...request,
      });
      if ('status' in made) throw new Error(`refused at once: ${made.status.toString(16)}`);
      return made;
    },
  };
}

async function send(sink: DataSetSink, bytes: Buffer): Promise<number> {
  for (let at = 0; at < bytes.length; at += 7) await sink.write(bytes.subarray(at, at + 7));
  return (await sink.end()).status;
}

const failing = async (): Promise<void> => {
  throw new TransientError('EIO');
};
/** Of the event loop: everything that is resolved by now has gone on. */
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('receiving an instance', () => {
  it('answers 0000 with the object stored, self-describing, its data set byte for byte, and announced once', async () => {
    const { sink, objects, published } = world();
    assert.equal(await send(sink(), dataSet()), 0x0000);
    const [[key, object]] = [...objects] as [[string, Buffer]];
    const { meta, dataSetOffset } = parseFileMeta(object)!;
    assert.ok(object.subarray(dataSetOffset).equals(dataSet()));
    const digest = createHash('sha256').update(dataSet()).digest('hex');
    assert.deepEqual(
      { ...readCustodyMeta(meta), receivedAt: '' },
      {
        digest,
        lane: 'routine',
        listener: 'dicom',
        callingAe: 'CT1',
        calledAe: 'GATEWAY',
        source: '10.0.0.9',
        receivedAt: '',
        sopClassUid: CT,
        sopInstanceUid: SOP_INSTANCE,
        transferSyntaxUid: '1.2.840.10008.1.2.1',
      },
    );
    assert.equal(published.length, 1);
    const { event, to } = published[0]!;
    assert.equal(to.subject, 'instance.received.routine.main');
    assert.deepEqual([event.instance.objectKey, event.instance.digest, event.instance.size], [key, digest, object.length]);
    assert.equal(event.instance.attributes.InstitutionName, 'MS44');
    assert.equal(event.instance.studyInstanceUid, '1.2.3');
  });

  it('answers A700 and announces nothing when the object cannot be made durable', async () => {
    const { sink, objects, published, uploads } = world({
      commit: () => {
        throw new TransientError('no space left');
      },
    });
    assert.equal(await send(sink(), dataSet()), 0xa700);
    assert.deepEqual([objects.size, published.length, uploads[0]!.discarded], [0, 0, true]);
  });

  it('answers A700 when the store fails in the middle of the stream', async () => {
    const { sink, objects, published } = world({
      write: () => {
        throw new TransientError('EIO');
      },
    });
    assert.equal(await send(sink(), dataSet()), 0xa700);
    assert.deepEqual([objects.size, published.length], [0, 0]);
  });

  it('answers A700 and deletes the object after a definite refusal of the event', async () => {
    const { sink, objects } = world({
      publish: () => {
        throw new PublicationRefused('stream is full', { full: true });
      },
    });
    assert.equal(await send(sink(), dataSet()), 0xa700);
    assert.equal(objects.size, 0);
  });

  it('answers A700 and keeps the object when nobody knows whether the event was taken', async () => {
    const { sink, objects } = world({
      publish: () => {
        throw new PublicationUnknown('no acknowledgement');
      },
    });
    assert.equal(await send(sink(), dataSet()), 0xa700);
    assert.equal(objects.size, 1);
  });

  it('waits out a broker that comes back within the custody time', async () => {
    let tries = 0;
    const { sink, published } = world({
      publish: () => {
        if (++tries === 1) throw new PublicationRefused('no leader', { full: false });
      },
    });
    assert.equal(await send(sink(), dataSet()), 0x0000);
    assert.equal(published.length, 1);
  });

  it('answers A700 when the store does not end within limits.custody, announces nothing, and takes a late object away again', async () => {
    const disk = Promise.withResolvers<void>();
    const { sink, objects, published, uploads } = world({ commit: () => disk.promise });
    assert.equal(await send(sink(), dataSet()), 0xa700);
    assert.deepEqual(
      [objects.size, published.length, uploads[0]!.discarded],
      [0, 0, false],
      'an upload that is being committed is left alone',
    );
    disk.resolve();
    await turns();
    assert.deepEqual([objects.size, published.length], [0, 0]);
  });

  it('answers A700 when a write or the removal of the rest hangs for ever, and the association goes on', async () => {
    const forever = () => new Promise<void>(() => {});
    for (const behaviour of [
      { write: forever, discard: forever },
      { write: failing, discard: forever },
    ]) {
      const { sink, objects, published } = world(behaviour);
      assert.equal(await send(sink(), dataSet()), 0xa700);
      assert.deepEqual([objects.size, published.length], [0, 0]);
    }
  });

  it('answers A700 in time though the object of a refused event cannot be deleted', async () => {
    const { sink } = world({
      publish: () => {
        throw new PublicationRefused('stream is full', { full: true });
      },
      delete: () => new Promise<void>(() => {}),
    });
    assert.equal(await send(sink(), dataSet()), 0xa700);
  });

  it('counts store and broker against one limit: a slow store leaves the broker less', async () => {
    const timeouts: number[] = [];
    const { sink } = world({
      commit: () => new Promise((resolve) => setTimeout(resolve, 200)),
      publish: () => {
        timeouts.push(performance.now());
        throw new PublicationUnknown('no acknowledgement');
      },
    });
    assert.equal(await send(sink(), dataSet()), 0xa700);
    assert.equal(timeouts.length, 1, 'no time for a second try was left');
  });

  it('answers A900 when SOP Instance UID or SOP Class UID differ from the command, or are missing', async () => {
    for (const bytes of [dataSet('9.9.9'), dataSet().subarray(0, element(0x00080016, 'UI', CT).length)]) {
      const { sink, objects, published } = world();
      assert.equal(await send(sink(), bytes), 0xa900);
      assert.deepEqual([objects.size, published.length], [0, 0]);
    }
    const { sink } = world();
    assert.throws(() => sink({ abstractSyntaxUid: '1.2.840.10008.5.1.4.1.1.4' }), /a900/);
  });

  it('answers C000 for a data set that ends in the middle of an element or is no data set at all', async () => {
    for (const bytes of [dataSet().subarray(0, dataSet().length - 3), Buffer.alloc(600, 0xff)]) {
      const { sink, objects, published } = world();
      assert.equal(await send(sink(), bytes), 0xc000);
      assert.deepEqual([objects.size, published.length], [0, 0]);
    }
  });

  it('answers 0117 when the SOP Instance UID is none: no later step could read its event', () => {
    for (const affectedSopInstanceUid of ['1.2.abc', '1.2 3', '1.2\\1.3'])
      assert.throws(() => world().sink({ affectedSopInstanceUid }), /117/);
  });

  it('announces nothing that the next step cannot read, whatever the certificate of the sender says', async () => {
    const { sink, published } = world({ tlsSubject: `CN=${'x'.repeat(3_000)}` });
    assert.equal(await send(sink(), dataSet()), 0x0000);
    assert.deepEqual(instanceReceived.safeParse(JSON.parse(JSON.stringify(published[0]!.event))).error, undefined);
  });

  it('leaves nothing after an abort in the middle', async () => {
    const { sink, objects, published, uploads } = world();
    const aborted = sink();
    await aborted.write(dataSet().subarray(0, 20));
    aborted.abort(new Error('A-ABORT'));
    assert.deepEqual([objects.size, published.length, uploads[0]!.discarded], [0, 0, true]);
  });

  it('refuses at once, without reading the data set, while the gateway is full', () => {
    const { sink } = world({ refusal: 'storage is below its free space watermark' });
    assert.throws(() => sink(), /a700/);
  });
});
