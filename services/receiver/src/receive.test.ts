// Custody at the receiver: what is answered, what is stored and what is announced, for each way a C-STORE can go.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { readCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { PublicationRefused, PublicationUnknown, TransientError } from '@causeway/shared/errors';
import { instanceReceived } from '@causeway/shared/events/instance';
import { CT, dataSet, element, send, world } from './receiving-world-for-tests.ts';

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
        sopInstanceUid: '1.2.3.4',
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

  it('takes the lane from a rule that asks for the facility', async () => {
    const document = parseGatewayDocument({
      facilities: [{ id: 'clinic', match: [{ callingAe: 'CT1' }] }],
      lanes: [{ when: { facility: 'clinic' }, lane: 'stat' }],
    });
    const { sink, published } = world({ document });
    assert.equal(await send(sink(), dataSet()), 0x0000);
    assert.equal(published[0]?.to.subject, 'instance.received.stat.clinic');
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
    const { sink } = world({ refusal: { limit: 'freeSpaceBelow', comment: 'storage is below its free space watermark' } });
    assert.throws(() => sink(), /a700/);
  });
});
