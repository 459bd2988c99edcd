// The coerced object, byte by byte, in every transfer syntax; which rules apply; and what happens to an instance to which one cannot be applied.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { readCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { type DescribedElement, writeDataSet } from '@causeway/shared/dicom/part10/data-set-for-tests';
import { type ElementEncoding, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE } from '@causeway/shared/dicom/part10/element-header';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import type { Instance } from '@causeway/shared/events/instance';
import { type Coerced, coerce } from './coerce.ts';
import { MemoryStore, receivedObject } from './synthetic-object.ts';

interface Syntax {
  readonly name: string;
  readonly transferSyntaxUid: string;
  readonly encoding: ElementEncoding;
  readonly isDeflated?: boolean;
  readonly isEncapsulated?: boolean;
}
const SYNTAXES: Syntax[] = [
  { name: 'implicit', transferSyntaxUid: '1.2.840.10008.1.2', encoding: IMPLICIT_LITTLE },
  { name: 'explicit', transferSyntaxUid: '1.2.840.10008.1.2.1', encoding: EXPLICIT_LITTLE },
  { name: 'big endian', transferSyntaxUid: '1.2.840.10008.1.2.2', encoding: EXPLICIT_BIG },
  { name: 'deflated', transferSyntaxUid: '1.2.840.10008.1.2.1.99', encoding: EXPLICIT_LITTLE, isDeflated: true },
  { name: 'JPEG', transferSyntaxUid: '1.2.840.10008.1.2.4.50', encoding: EXPLICIT_LITTLE, isEncapsulated: true },
];
const [IMPLICIT, EXPLICIT] = SYNTAXES as [Syntax, Syntax];

const text = (tag: number, vr: string, value: string): DescribedElement => ({ tag, vr, value: Buffer.from(value, 'latin1') });
const IDENTITY = [text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2\0'), text(0x00080018, 'UI', '1.2.3.4\0')];
const STUDY = [text(0x0020000d, 'UI', '1.2.3.5\0'), text(0x0020000e, 'UI', '1.2.3.6\0')];
const pixels = ({ isEncapsulated }: Syntax): DescribedElement =>
  isEncapsulated
    ? { tag: 0x7fe00010, vr: 'OB', fragments: [Buffer.alloc(0), Buffer.from('ffd8ffe000'.repeat(1000), 'hex')] }
    : { tag: 0x7fe00010, vr: 'OW', value: Buffer.alloc(5000, 7) };

const byTag = (elements: readonly DescribedElement[]): DescribedElement[] => [...elements].sort((a, b) => a.tag - b.tag);
const image = (syntax: Syntax, elements: readonly DescribedElement[]): DescribedElement[] =>
  byTag([...IDENTITY, ...STUDY, ...elements, pixels(syntax), { tag: 0xfffcfffc, vr: 'OB', value: Buffer.alloc(6) }]);

function stored(syntax: Syntax, elements: readonly DescribedElement[]): Buffer {
  const bytes = writeDataSet(elements, syntax.encoding);
  if (!syntax.isDeflated) return bytes;
  const deflated = deflateRawSync(bytes);
  return deflated.length % 2 === 0 ? deflated : Buffer.concat([deflated, Buffer.alloc(1)]);
}

interface Run extends Coerced {
  readonly store: MemoryStore;
  readonly received: Instance;
  /** The data set of the coerced object, inflated. */
  readonly data?: Buffer;
}

async function coerced(rules: object[], bytes: Buffer, over: Partial<Instance> = {}): Promise<Run> {
  const store = new MemoryStore();
  const { bytes: object, instance } = receivedObject(bytes, over);
  store.put(instance, object);
  const document = parseGatewayDocument({ coercion: rules });
  const result = await coerce({ store }, { instance, document, facility: 'north', isAgain: false });
  assert.equal(store.openUploads, 0);
  assert.deepEqual(store.objects.get(instance.objectKey), object, 'the received object is not what it was');
  const ref = result.coercion?.object;
  const data = ref && dataSetOf(store.objects.get(ref.objectKey)!);
  return { ...result, store, received: instance, ...(data && { data }) };
}

function dataSetOf(object: Buffer): Buffer {
  const { meta, dataSetOffset } = parseFileMeta(object)!;
  const data = object.subarray(dataSetOffset);
  return meta.transferSyntaxUid === SYNTAXES[3]!.transferSyntaxUid ? inflateRawSync(data) : data;
}

/** The record that a coercion of these previous values leaves. */
const record = (previous: readonly DescribedElement[]): DescribedElement => ({
  tag: 0x04000561,
  vr: 'SQ',
  items: [
    {
      elements: [
        { tag: 0x04000550, vr: 'SQ', items: [{ elements: previous }] },
        text(0x04000562, 'DT', '20260102030405.000+0000 '),
        text(0x04000563, 'LO', 'CAUSEWAY'),
        text(0x04000564, 'LO', 'CT1 '),
        text(0x04000565, 'CS', 'COERCE'),
      ],
    },
  ],
});

const SET = { when: {}, on: 'receive', set: { InstitutionName: 'MS44' } };
const OLD = text(0x00080080, 'LO', ' Old');
const CODE = (code: string): DescribedElement => ({
  tag: 0x00321064,
  vr: 'SQ',
  open: true,
  items: [{ open: true, elements: [text(0x00080100, 'SH', code)] }],
});

for (const syntax of SYNTAXES)
  describe(`coercion in ${syntax.name}`, () => {
    const { transferSyntaxUid, encoding } = syntax;
    const others = [
      text(0x00080060, 'CS', 'CT'),
      text(0x00100010, 'PN', 'Roe^Jane'),
      text(0x00091010, 'UN', 'odd and private \0'),
      CODE('OLD1'),
    ];

    it('sets, copies, removes and maps, records what was there, and leaves every other byte', async () => {
      const rule = {
        ...{ when: { modality: 'CT' }, on: 'receive', set: { InstitutionName: 'MS44', '00321064.00080100': 'NEW' } },
        ...{ copy: { StationName: 'association:callingAe', ReferringPhysicianName: 'PatientName' }, remove: ['(0009,1010)'] },
        map: { PatientID: { '17': 'N-17' } },
      };
      const before = image(syntax, [OLD, ...others, text(0x00100020, 'LO', '17')]);
      const run = await coerced([rule], stored(syntax, before), { transferSyntaxUid });
      const changed = [
        ...[
          text(0x00080060, 'CS', 'CT'),
          text(0x00080080, 'LO', 'MS44'),
          text(0x00080090, 'PN', 'Roe^Jane'),
          text(0x00081010, 'SH', 'CT1 '),
        ],
        ...[text(0x00100010, 'PN', 'Roe^Jane'), text(0x00100020, 'LO', 'N-17'), CODE('NEW ')],
      ];
      const previous = byTag([
        OLD,
        text(0x00080090, 'PN', ''),
        text(0x00081010, 'SH', ''),
        others[2]!,
        text(0x00100020, 'LO', '17'),
        CODE('OLD1'),
      ]);
      assert.deepEqual(run.data, writeDataSet(image(syntax, [...changed, record(previous)]), encoding));
      assert.deepEqual(run.coercion!.rules, [
        'coercion rule 1: set InstitutionName, 00321064.00080100; copy StationName, ReferringPhysicianName; remove (0009,1010); map PatientID',
      ]);
      const { InstitutionName, PatientID, Modality } = run.instance.attributes;
      assert.deepEqual([InstitutionName, PatientID, Modality], ['MS44', 'N-17', 'CT']);
    });

    it('the object describes itself as the received one does, with its own size and digest', async () => {
      const run = await coerced([SET], stored(syntax, image(syntax, [OLD, ...others])), { transferSyntaxUid });
      const { objectKey, size, digest } = run.coercion!.object!;
      const bytes = run.store.objects.get(objectKey)!;
      const { meta, dataSetOffset } = parseFileMeta(bytes)!;
      assert.equal(bytes.length, size);
      assert.equal(createHash('sha256').update(bytes.subarray(dataSetOffset)).digest('hex'), digest);
      const { callingAe, lane, receivedAt, digest: told, transferSyntaxUid: syntaxTold } = readCustodyMeta(meta)!;
      assert.deepEqual(
        [callingAe, lane, receivedAt, told, syntaxTold],
        ['CT1', 'routine', '2026-01-02T03:04:05.000Z', digest, transferSyntaxUid],
      );
      assert.match(objectKey, new RegExp(`^derived/${run.received.receiptId}/coerced-[0-9a-f]{8}\\.dcm$`));
    });

    it('a repeat makes the same bytes under another key; coercing what was coerced changes nothing', async () => {
      const bytes = stored(syntax, image(syntax, [OLD, ...others]));
      const [one, other] = [await coerced([SET], bytes, { transferSyntaxUid }), await coerced([SET], bytes, { transferSyntaxUid })];
      assert.equal(one.coercion!.object!.digest, other.coercion!.object!.digest);
      assert.notEqual(one.coercion!.object!.objectKey, other.coercion!.object!.objectKey);
      const made = one.store.objects.get(one.coercion!.object!.objectKey)!;
      const again = await coerced([SET], made.subarray(parseFileMeta(made)!.dataSetOffset), { transferSyntaxUid });
      assert.deepEqual(again.coercion, { rules: ['coercion rule 1: set InstitutionName'] });
    });

    it('the record of an earlier coercion is kept, and ours comes behind it', async () => {
      const earlier = { open: true, elements: [text(0x04000565, 'CS', 'CORRECT ')] };
      const standing: DescribedElement = { tag: 0x04000561, vr: 'SQ', open: true, items: [earlier] };
      const run = await coerced([SET], stored(syntax, image(syntax, [OLD, standing])), { transferSyntaxUid });
      const extended = { ...standing, items: [earlier, ...record([OLD]).items!] };
      assert.deepEqual(run.data, writeDataSet(image(syntax, [text(0x00080080, 'LO', 'MS44'), extended]), encoding));
    });
  });

describe('which rules apply', () => {
  const institution = async (
    rules: object[],
    elements: DescribedElement[] = [OLD],
    over?: Partial<Instance>,
  ): Promise<string | undefined> => {
    const { instance, coercion } = await coerced(rules, stored(EXPLICIT, image(EXPLICIT, elements)), over);
    return coercion === undefined ? undefined : instance.attributes.InstitutionName;
  };
  const set = (value: string, when: object = {}): object => ({ when, on: 'receive', set: { InstitutionName: value } });

  it('every one that fits, in order: the last word is the last rule', async () =>
    assert.equal(await institution([set('A'), set('B')]), 'B'));
  it('a later rule sees what the earlier made', async () => {
    assert.equal(await institution([set('A'), set('B', { attribute: 'InstitutionName', in: 'A' })]), 'B');
    assert.equal(await institution([set('A'), set('B', { attribute: 'InstitutionName', in: 'Old' })]), 'A');
  });
  it('by calling and called AE title, SOP Class, facility and header', async () => {
    for (const when of [
      { callingAe: 'CT1' },
      { calledAe: 'GATEWAY' },
      { sopClass: '1.2.840.10008.5.1.4.1.1.2' },
      { attribute: 'InstitutionName', in: ['Old'] },
    ])
      assert.equal(await institution([set('A', when)], [OLD], { sopClassUid: '1.2.840.10008.5.1.4.1.1.2' }), 'A', JSON.stringify(when));
    for (const when of [{ callingAe: 'CT2' }, { modality: 'MR' }, { imageType: 'X' }, { bodyPart: 'HEAD' }])
      assert.equal(await institution([set('A', when)]), undefined, JSON.stringify(when));
  });
  it('none on deliver', async () => assert.equal(await institution([{ ...SET, on: 'deliver' }]), undefined));
  it('the header is that of the object, whatever the event says of it', async () => {
    assert.equal(
      await institution([set('A', { modality: 'MR' })], [OLD, text(0x00080060, 'CS', 'CT')], { attributes: { Modality: 'MR' } }),
      undefined,
    );
  });
  it('without a rule that the association leaves possible the object is not read', async () => {
    const { instance } = receivedObject(Buffer.alloc(0));
    const document = parseGatewayDocument({ coercion: [set('A', { callingAe: 'OTHER' })] });
    assert.deepEqual(await coerce({ store: new MemoryStore() }, { instance, document, facility: undefined, isAgain: false }), { instance });
  });
});

describe('what rules do', () => {
  const run = (rule: object, elements: DescribedElement[]) =>
    coerced([{ when: {}, on: 'receive', ...rule }], stored(EXPLICIT, image(EXPLICIT, elements)));

  it('two attributes are exchanged by one rule', async () => {
    const { instance } = await run({ copy: { PatientID: 'AccessionNumber', AccessionNumber: 'PatientID' } }, [
      text(0x00080050, 'SH', 'P1'),
      text(0x00100020, 'LO', 'A1'),
    ]);
    assert.deepEqual([instance.attributes.PatientID, instance.attributes.AccessionNumber], ['P1', 'A1']);
  });
  it('what is not there is not copied, and the old value stays', async () => {
    const { instance, coercion } = await run({ copy: { InstitutionName: 'InstitutionAddress' } }, [OLD]);
    assert.deepEqual([instance.attributes.InstitutionName, coercion?.object], ['Old', undefined]);
  });
  it('a map changes whole values, one of several values, and the missing value; others stay', async () => {
    const map = { ImageType: { PRIMARY: 'SECONDARY' }, InstitutionName: { OLD: 'X' }, StationName: { '': 'NONE' }, Modality: { CT: 'MR' } };
    const { instance, data } = await run({ map }, [OLD, text(0x00080008, 'CS', 'ORIGINAL\\PRIMARY'), text(0x00080060, 'CS', 'CT')]);
    const { ImageType, InstitutionName, Modality } = instance.attributes;
    assert.deepEqual([ImageType, InstitutionName, Modality], ['ORIGINAL\\SECONDARY', 'Old', 'MR']);
    assert.ok(data!.includes('NONE'));
  });
  it('a value is written in the character set of the data set', async () => {
    const { instance, data } = await run({ set: { InstitutionName: 'Köln' } }, [text(0x00080005, 'CS', 'ISO_IR 100'), OLD]);
    assert.equal(instance.attributes.InstitutionName, 'Köln');
    assert.ok(data!.includes(Buffer.from('K\xf6ln', 'latin1')));
  });
  it('a private element taken out is recorded with its creator', async () => {
    const creator = text(0x00090010, 'LO', 'ACME');
    const own = text(0x00091010, 'LO', 'private ');
    const { data } = await run({ remove: ['(0009,1010)'] }, [creator, own]);
    assert.deepEqual(data, writeDataSet(image(EXPLICIT, [creator, record([creator, own])]), EXPLICIT_LITTLE));
  });
  it('an object without pixel data, of more than the first MiB, is coerced to its end', async () => {
    const document = { tag: 0x00420011, vr: 'OB', value: Buffer.alloc(3_000_000, 5) };
    const elements = byTag([...IDENTITY, ...STUDY, OLD, document]);
    const { data } = await coerced([{ ...SET, set: { ...SET.set, '(0088,0904)': 'title' } }], stored(EXPLICIT, elements));
    const changed = byTag([
      ...IDENTITY,
      ...STUDY,
      text(0x00080080, 'LO', 'MS44'),
      document,
      text(0x00880904, 'LO', 'title '),
      record([OLD, text(0x00880904, 'LO', '')]),
    ]);
    assert.deepEqual(data, writeDataSet(changed, EXPLICIT_LITTLE));
  });
});

describe('a rule that cannot be applied', () => {
  const cyrillic = stored(EXPLICIT, image(EXPLICIT, [text(0x00080005, 'CS', 'ISO_IR 144'), OLD]));
  const KOELN = { when: {}, on: 'receive', set: { InstitutionName: 'Köln' } };

  it('keeps the instance back, with a reason that names rule and attribute, and no value', async () => {
    await assert.rejects(coerced([KOELN], cyrillic), {
      name: 'PermanentError',
      message:
        'coercion rule 1: set InstitutionName is impossible: InstitutionName: the character set of the data set (ISO_IR 144) has no place for a character of the value',
    });
  });
  it('is passed over whole where it says skip, and the others apply', async () => {
    const skipped = { ...KOELN, impossible: 'skip', remove: ['Modality'] };
    const run = await coerced([skipped, { when: {}, on: 'receive', set: { StationName: 'S' } }], cyrillic);
    assert.deepEqual(run.coercion!.rules, ['coercion rule 2: set StationName']);
    assert.match(
      run.coercion!.skipped![0]!,
      /^coercion rule 1: set InstitutionName; remove Modality is impossible: InstitutionName: the character set/,
    );
    assert.equal(run.instance.attributes.InstitutionName, 'Old');
  });
  it('a data set that cannot be read is kept back by the rules that fit its event, and passes where they say skip', async () => {
    const broken = Buffer.concat([writeDataSet(IDENTITY, EXPLICIT_LITTLE), Buffer.from('0800600000000000ffffffff', 'hex')]);
    const rule = { ...SET, when: { modality: 'CT' } };
    const over = { attributes: { Modality: 'CT' } };
    await assert.rejects(coerced([rule], broken, over), /impossible: the data set cannot be read/);
    const run = await coerced([{ ...rule, impossible: 'skip' }], broken, over);
    assert.match(run.coercion!.skipped![0]!, /the data set cannot be read/);
    assert.equal((await coerced([rule], broken)).coercion, undefined);
  });
  it('a private element is not set without its creator, nor in implicit VR, where its VR is not known', async () => {
    const rule = { when: {}, on: 'receive', set: { '(0009,1010)': 'x' } };
    const own = text(0x00091010, 'LO', 'private ');
    await assert.rejects(coerced([rule], stored(EXPLICIT, image(EXPLICIT, [own]))), /no private creator reserves its block/);
    const implicit = stored(IMPLICIT, image(IMPLICIT, [text(0x00090010, 'LO', 'ACME'), own]));
    await assert.rejects(coerced([rule], implicit, { transferSyntaxUid: IMPLICIT.transferSyntaxUid }), /its VR is not known/);
  });
  it('attributes of more than 4 MiB are not held in memory', async () => {
    const document = { tag: 0x00420011, vr: 'OB', value: Buffer.alloc(4_200_000) };
    const rule = { when: {}, on: 'receive', remove: ['EncapsulatedDocument'] };
    await assert.rejects(coerced([rule], stored(EXPLICIT, byTag([...IDENTITY, document]))), /4200012 bytes, more than 4194304/);
  });
  it('bytes that are not those that were received are no reason to write others', async () => {
    await assert.rejects(coerced([SET], cyrillic, { digest: '0'.repeat(64) }), { name: 'ObjectDamaged' });
  });
});
