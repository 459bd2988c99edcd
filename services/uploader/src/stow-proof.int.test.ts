// What an archive says is there already, and what it says it has stored, is proven against what it gives back.
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { describe, it } from 'node:test';
import { encodeFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import { JPEG_2000_LOSSLESS, newDataSet, newDelivery, SECONDARY_CAPTURE, withCompressed } from './deliveries-for-tests.ts';
import { openObject } from './outbound-object.ts';
import { answer, parcelsOf, towards, uidOf } from './stow-peer-for-tests.ts';

/** What is stored under a UID: the data set in its syntax; `status`: answered to WADO instead. */
interface Held {
  readonly dataSet: Buffer;
  readonly transferSyntaxUid?: string;
  readonly status?: number;
}

/** Answers 409 "already stored" to everything (or what `store` says), and gives back what it holds. */
class HoldingArchive {
  readonly held = new Map<string, Held>();
  readonly asked: string[] = [];
  reason: number | undefined = 45_070;
  searchStatus = 200;
  wrongContentType = false;

  readonly handler: RequestListener = async (request, response) => {
    this.asked.push(`${request.method} ${request.url!.replace(/[?].*/, '')}`);
    if (request.method === 'POST') return void request.resume().on('end', () => this.refuse(response));
    const uid = /(?:SOPInstanceUID=|instances\/)([0-9.]+)/.exec(request.url!)![1]!;
    if (request.url!.includes('?')) return this.find(uid, response);
    this.give(this.held.get(uid)!, uid, response);
  };

  refuse(response: Parameters<RequestListener>[1]): void {
    if (this.reason === undefined) response.writeHead(409).end();
    else answer(response, 409, { failed: this.expected.map((uid) => ({ uid, reason: this.reason! })) });
  }
  expected: string[] = [];

  find(uid: string, response: Parameters<RequestListener>[1]): void {
    const [study, series] = ['1.2.3', '1.2.3.4'].map((value) => ({ vr: 'UI', Value: [value] }));
    const match = { '00080018': { vr: 'UI', Value: [uid] }, '0020000D': study, '0020000E': series };
    if (!this.held.has(uid)) return void response.writeHead(204).end();
    response
      .writeHead(this.searchStatus, { 'content-type': this.wrongContentType ? 'text/html' : 'application/dicom+json' })
      .end(JSON.stringify([match]));
  }

  give({ dataSet, transferSyntaxUid, status }: Held, sopInstanceUid: string, response: Parameters<RequestListener>[1]): void {
    if (status !== undefined) return void response.writeHead(status).end();
    const syntax = transferSyntaxUid ?? '1.2.840.10008.1.2.1';
    const head = encodeFileMeta({ sopClassUid: SECONDARY_CAPTURE, sopInstanceUid, transferSyntaxUid: syntax });
    response.writeHead(200, { 'content-type': 'multipart/related; type="application/dicom"; boundary=x' });
    response.end(Buffer.concat([Buffer.from('--x\r\nContent-Type: application/dicom\r\n\r\n'), head, dataSet, Buffer.from('\r\n--x--')]));
  }
}

interface Story {
  readonly resend: boolean;
  readonly archive?: HoldingArchive;
  readonly confirm?: 'response' | 'qido';
}

/** What becomes of a delivery whose instance the archive holds in this form. */
async function story(hold: (own: Buffer) => Held | undefined, { resend, archive = new HoldingArchive(), confirm = 'response' }: Story) {
  const { store, sender } = await towards(archive.handler, { confirm });
  const delivery = newDelivery(store);
  const held = hold(delivery.dataSet);
  if (held !== undefined) archive.held.set(uidOf(delivery), held);
  archive.expected = [uidOf(delivery)];
  const [parcel] = await parcelsOf(store, [delivery]);
  const [outcome] = await sender.send([{ ...parcel!, resend }]);
  return outcome!;
}

const changed = (dataSet: Buffer, at: number): Buffer => {
  const copy = Buffer.from(dataSet);
  copy[at < 0 ? copy.length + at : at]! ^= 1;
  return copy;
};
const renamed = (dataSet: Buffer): Buffer => {
  const copy = Buffer.from(dataSet);
  copy.write('CANARY-UPLOADEX', copy.indexOf('CANARY-UPLOADER'));
  return copy;
};
const annotated = (dataSet: Buffer): Buffer => {
  const copy = Buffer.from(dataSet);
  copy.write('kept as it was', copy.indexOf('kept as it is') - 0);
  return copy;
};

describe('already stored (45070)', () => {
  it('counts as delivered when the archive gives back the same data set, whoever sent it', async () => {
    for (const resend of [false, true]) {
      const outcome = await story((dataSet) => ({ dataSet }), { resend });
      assert.deepEqual(outcome, {
        kind: 'delivered',
        confirmation: 'stow already-stored + wado identical',
        warning: 'Failure Reason B00E (already stored)',
      });
    }
  });

  it('counts when the archive holds the other encoding of this very delivery', async () => {
    const archive = new HoldingArchive();
    const { store, sender } = await towards(archive.handler);
    const original = newDelivery(store);
    const delivery = withCompressed(store, original, newDataSet({ sopInstanceUid: uidOf(original) }));
    archive.held.set(uidOf(delivery), { dataSet: original.dataSet });
    archive.expected = [uidOf(delivery)];
    const object = await openObject(store, delivery.compressed!, delivery.instance);
    const [outcome] = await sender.send([{ delivery, object, resend: false }]);
    assert.ok(outcome!.kind === 'delivered', JSON.stringify(outcome));
  });

  it('is a conflict when pixels, patient or another identifying attribute differ, also after an attempt of ours', async () => {
    for (const resend of [false, true]) {
      for (const [alter, words] of [
        [(dataSet: Buffer) => changed(dataSet, -1), /^conflict: .*pixel data differs$/],
        [renamed, /^conflict: .*\(0010,0020\) differs$/],
      ] as const) {
        const outcome = await story((dataSet) => ({ dataSet: alter(dataSet) }), { resend });
        assert.ok(outcome.kind === 'permanent' && outcome.because === 'conflict', JSON.stringify(outcome));
        assert.match(outcome.reason, words);
        assert.doesNotMatch(outcome.reason, /CANARY/i);
      }
    }
  });

  it('with other attributes beside the same identity and pixels, or in another transfer syntax, counts only after an attempt of ours', async () => {
    const cases: ((dataSet: Buffer) => Held)[] = [
      (dataSet) => ({ dataSet: annotated(dataSet) }),
      (dataSet) => ({ dataSet: changed(dataSet, -1), transferSyntaxUid: JPEG_2000_LOSSLESS }),
    ];
    for (const hold of cases) {
      const after = await story(hold, { resend: true });
      assert.ok(after.kind === 'delivered' && after.confirmation === 'stow already-stored + wado alike', JSON.stringify(after));
      const before = await story(hold, { resend: false });
      assert.ok(before.kind === 'permanent' && before.because === 'conflict');
    }
  });

  it('is asked about again when the archive does not answer, and refused when it does not have it', async () => {
    const busy = new HoldingArchive();
    busy.searchStatus = 503;
    const cases = [
      await story((dataSet) => ({ dataSet }), { resend: true, archive: busy }),
      await story((dataSet) => ({ dataSet, status: 503 }), { resend: true }),
    ];
    for (const open of cases) assert.ok(open.kind === 'transient' && open.mayHaveArrived, JSON.stringify(open));
    const absent = await story(() => undefined, { resend: true });
    assert.ok(absent.kind === 'refused' && absent.mayHaveArrived);
  });

  it('of an archive that gives nothing back, counts after an attempt of ours when a search finds it, and else is refused', async () => {
    const gives404 = (dataSet: Buffer): Held => ({ dataSet, status: 404 });
    const after = await story(gives404, { resend: true });
    assert.ok(after.kind === 'delivered' && after.confirmation === 'stow already-stored + qido');
    assert.equal((await story(gives404, { resend: false })).kind, 'refused');
  });

  it('is asked about too when a 409 says nothing', async () => {
    const archive = new HoldingArchive();
    archive.reason = undefined;
    assert.equal((await story((dataSet) => ({ dataSet }), { resend: false, archive })).kind, 'delivered');
    assert.equal((await story(() => undefined, { resend: false, archive })).kind, 'refused');
  });

  it('of something that cannot be parsed is never taken for this instance unless ours may have arrived', async () => {
    const garbage = (): Held => ({ dataSet: Buffer.from('garbage'.repeat(99)), transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN });
    assert.equal((await story(garbage, { resend: false })).kind, 'permanent');
  });
});

describe('confirm: qido', () => {
  /** Says that it stored everything; finds it from the given search on. */
  const saying = async (foundAt: number, status = 200) => {
    let searches = 0;
    const { store, sender } = await towards(
      (request, response) => {
        if (request.method === 'POST') return void request.resume().on('end', () => answer(response, 200, { referenced: [{ uid }] }));
        searches += 1;
        const found = searches >= foundAt ? [{ '00080018': { vr: 'UI', Value: [uid] } }] : [];
        response.writeHead(status, { 'content-type': 'application/dicom+json' }).end(JSON.stringify(found));
      },
      { confirm: 'qido' },
    );
    const delivery = newDelivery(store);
    const uid = uidOf(delivery);
    const [outcome] = await sender.send(await parcelsOf(store, [delivery]));
    return { outcome: outcome!, searches };
  };

  it('counts what a search finds, also when it is found only after a while', async () => {
    assert.deepEqual(await saying(1), { outcome: { kind: 'delivered', confirmation: 'stow 200 + qido', warning: undefined }, searches: 1 });
    const later = await saying(3);
    assert.deepEqual([later.outcome.kind, later.searches], ['delivered', 3]);
  });

  it('finds out a 200 that lies, after six searches, and has it sent again', async () => {
    const { outcome, searches } = await saying(99);
    assert.ok(outcome.kind === 'refused' && outcome.mayHaveArrived);
    assert.equal(searches, 6);
  });

  it('takes a search that is not answered for no refusal', async () => {
    const { outcome } = await saying(1, 500);
    assert.ok(outcome.kind === 'transient' && outcome.mayHaveArrived);
  });

  it('does with a bare 200 when the same content is given back, and with nothing less', async () => {
    const bare = async (hold: (dataSet: Buffer) => Held | undefined) => {
      const archive = new HoldingArchive();
      archive.refuse = (response) => void response.writeHead(200).end();
      return await story(hold, { resend: false, archive, confirm: 'qido' });
    };
    const same = await bare((dataSet) => ({ dataSet }));
    assert.ok(same.kind === 'delivered' && same.confirmation === 'stow unsaid + wado identical');
    assert.equal((await bare(() => undefined)).kind, 'refused');
    assert.equal((await bare((dataSet) => ({ dataSet: changed(dataSet, -1) }))).kind, 'permanent');
  });
});
