// Coercion on delivery: what arrives has the changes and nothing else different, its digest is that of what was sent, and the stored object stays.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { rulesOnDelivery } from '@causeway/shared/config/coercion';
import { type GatewayDocument, parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import type { Delivery } from '@causeway/shared/events/delivery';
import { JPEG_2000_LOSSLESS, memoryStore, newDelivery, withCompressed } from './deliveries-for-tests.ts';
import { Attempts, type DueParcel } from './delivery-attempt.ts';
import type { Outcome } from './delivery-outcome.ts';
import { FakeClock } from './fake-clock-for-tests.ts';
import { dataSetOf, sizeToSend, wholeObject } from './outbound-object.ts';
import type { Parcel } from './sender.ts';

type Rules = Partial<GatewayDocument['coercion'][number]>[];
const delivered: Outcome = { kind: 'delivered', confirmation: 'stow 200' };
const WANTED = { institution: '00080080', issuer: '00100021', privateValue: '00091001', modality: '00080060' };

function documentOf(coercion: object[]): GatewayDocument {
  return parseGatewayDocument({
    facilities: [{ id: 'north', match: [{}], destinations: ['archive'] }],
    destinations: [
      { id: 'archive', kind: 'stow', url: 'http://127.0.0.1:1/dicom-web' },
      { id: 'other', kind: 'stow', url: 'http://127.0.0.1:2/dicom-web' },
    ],
    coercion,
  });
}

/** Sends one delivery to `archive` under the rules; what arrived of it, in both forms that senders use. */
async function send(delivery: Delivery, store: ReturnType<typeof memoryStore>, rules: Rules) {
  const arrived: { whole: Buffer; dataSet: Buffer; size: number }[] = [];
  const sender = {
    send: async (parcels: readonly Parcel[]) => {
      for (const { object } of parcels) {
        const whole = Buffer.concat(await Array.fromAsync(wholeObject(store, object)));
        arrived.push({ whole, dataSet: Buffer.concat(await Array.fromAsync(dataSetOf(store, object))), size: sizeToSend(object) });
      }
      return parcels.map(() => delivered);
    },
  };
  const document = documentOf(rules.map((rule) => ({ when: {}, on: 'deliver', ...rule })));
  const coercion = { rules: rulesOnDelivery(document, 'archive'), system: 'CAUSEWAY' };
  const attempts = new Attempts({ form: { images: 'compressed' }, coercion, store, sender, clock: new FakeClock() });
  const { instance } = delivery;
  const due: DueParcel = {
    delivery,
    lane: 'routine',
    facility: 'none',
    size: instance.size,
    sopInstanceUid: instance.sopInstanceUid,
    alone: false,
    resend: false,
    lastTry: false,
  };
  const [attempted] = await attempts.send([due]);
  return { attempted: attempted!, arrived: arrived[0] };
}

async function read(dataSet: Buffer, transferSyntaxUid: string) {
  const scanner = new DataSetScanner({ transferSyntaxUid, wanted: Object.values(WANTED) });
  await scanner.write(dataSet);
  const scan = await scanner.end();
  const said = Object.fromEntries(Object.entries(WANTED).map(([name, path]) => [name, scan.values.get(path)?.toString('latin1').trim()]));
  const others = scan.elements.filter(({ tag }) => ![0x00080080, 0x00100021, 0x04000561].includes(tag));
  return {
    said,
    elements: scan.elements,
    others: others.map(({ headerOffset, endOffset }) => dataSet.toString('base64', headerOffset, endOffset)),
  };
}

const SET: Rules[number] = { set: { InstitutionName: 'North', IssuerOfPatientID: 'NORTH' } };

describe('coercion on delivery', () => {
  it('changes what is sent and nothing else, tells digest and rules of it, and leaves the stored object alone', async () => {
    const store = memoryStore();
    const delivery = newDelivery(store);
    const before = Buffer.from(store.objects.get(delivery.instance.objectKey)!);
    const { attempted, arrived } = await send(delivery, store, [SET]);
    const { meta, dataSetOffset } = parseFileMeta(arrived!.whole)!;
    assert.equal(arrived!.size, arrived!.whole.length);
    assert.ok(arrived!.whole.subarray(dataSetOffset).equals(arrived!.dataSet));
    assert.deepEqual(
      [meta.sopInstanceUid, meta.transferSyntaxUid],
      [delivery.instance.sopInstanceUid, delivery.instance.transferSyntaxUid],
    );
    const now = await read(arrived!.dataSet, meta.transferSyntaxUid);
    assert.deepEqual([now.said.institution, now.said.issuer], ['North', 'NORTH']);
    assert.ok(now.elements.some(({ tag }) => tag === 0x04000561));
    assert.deepEqual(now.others, (await read(delivery.dataSet, meta.transferSyntaxUid)).others);
    assert.equal(attempted.change!.digest, createHash('sha256').update(arrived!.dataSet).digest('hex'));
    assert.deepEqual(attempted.change!.rules, ['coercion rule 1: set InstitutionName, IssuerOfPatientID']);
    assert.equal(attempted.ref.digest, delivery.instance.digest);
    assert.ok(store.objects.get(delivery.instance.objectKey)!.equals(before));
  });

  it('makes the same bytes each time', async () => {
    const store = memoryStore();
    const delivery = newDelivery(store);
    const digests = [await send(delivery, store, [SET]), await send(delivery, store, [SET])].map(
      ({ attempted }) => attempted.change!.digest,
    );
    assert.equal(digests[0], digests[1]);
  });

  it('works in a compressed object: its fragments pass as they are', async () => {
    const store = memoryStore();
    const plain = newDelivery(store);
    const fragments = Buffer.from('e07f10004f420000fffffffffeff00e000000000feff00e004000000ff4fffd9feffdde000000000', 'hex');
    const delivery = withCompressed(
      store,
      plain,
      Buffer.concat([plain.dataSet.subarray(0, plain.dataSet.length - 64 * 64 - 12), fragments]),
    );
    const { arrived } = await send(delivery, store, [SET]);
    assert.equal(parseFileMeta(arrived!.whole)!.meta.transferSyntaxUid, JPEG_2000_LOSSLESS);
    assert.ok(arrived!.dataSet.subarray(-fragments.length).equals(fragments));
    assert.equal((await read(arrived!.dataSet, JPEG_2000_LOSSLESS)).said.institution, 'North');
  });

  const FITS: [name: string, rule: Rules[number], facility: string | undefined, fits: boolean][] = [
    ['every destination', SET, undefined, true],
    ['this destination', { ...SET, destination: 'archive' }, undefined, true],
    ['another destination', { ...SET, destination: 'other' }, undefined, false],
    ['its facility', { ...SET, when: { facility: ['north'] } as never }, 'north', true],
    ['its facility, and it is of none', { ...SET, when: { facility: ['north'] } as never }, undefined, false],
    ['its modality', { ...SET, when: { modality: ['OT'] } as never }, undefined, true],
    ['another modality', { ...SET, when: { modality: ['CT'] } as never }, undefined, false],
  ];
  for (const [name, rule, facility, fits] of FITS)
    it(`applies ${fits ? '' : 'not '}when a rule names ${name}`, async () => {
      const store = memoryStore();
      const delivery = { ...newDelivery(store), facility };
      const { attempted, arrived } = await send(delivery, store, [rule]);
      assert.equal(attempted.change !== undefined, fits);
      assert.equal(arrived!.dataSet.equals(delivery.dataSet), !fits);
    });

  it('that is impossible fails the delivery with the rule and the reason, and nothing is sent', async () => {
    const store = memoryStore();
    const { attempted, arrived } = await send(newDelivery(store), store, [{ set: { '(0019,1010)': 'x' } }]);
    assert.equal(arrived, undefined);
    assert.ok(attempted.outcome.kind === 'permanent');
    assert.match(attempted.outcome.reason, /coercion rule 1: set \(0019,1010\) is impossible: .*VR/);
  });

  it('that is impossible and may be skipped is skipped, told, and the rest applied', async () => {
    const store = memoryStore();
    const { attempted, arrived } = await send(newDelivery(store), store, [{ set: { '(0019,1010)': 'x' }, impossible: 'skip' }, SET]);
    assert.equal((await read(arrived!.dataSet, '1.2.840.10008.1.2.1')).said.institution, 'North');
    assert.match(attempted.change!.skipped[0]!, /^coercion rule 1: .* is impossible/);
    assert.deepEqual(attempted.change!.rules.length, 1);
  });

  it('refuses a deflated data set, which cannot be spliced', async () => {
    const store = memoryStore();
    const delivery = newDelivery(store, { transferSyntaxUid: '1.2.840.10008.1.2.1.99' });
    const { attempted } = await send(delivery, store, [SET]);
    assert.ok(attempted.outcome.kind === 'permanent');
  });

  it('does not pass a damaged object under a fresh digest', async () => {
    const store = memoryStore();
    const delivery = newDelivery(store);
    const bytes = store.objects.get(delivery.instance.objectKey)!;
    bytes[bytes.length - 1]! ^= 1;
    const { attempted } = await send(delivery, store, [SET]);
    assert.notEqual(attempted.outcome.kind, 'delivered');
    assert.equal(attempted.change?.digest, undefined);
  });
});
