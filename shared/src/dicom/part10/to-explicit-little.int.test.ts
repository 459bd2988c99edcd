// Real files converted to explicit VR little endian: pydicom reads the same values out of both, DCMTK's dcmconv writes the same values.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../transfer-syntaxes.ts';
import { DataSetScanner } from './data-set-scanner.ts';
import { inflated } from './deflation.ts';
import { encodeFileMeta, parseFileMeta } from './file-meta.ts';
import { CONVERSION_PATHS, toExplicitLittle } from './to-explicit-little.ts';

const FOLDER = '/usr/lib/python3/dist-packages/pydicom/data/test_files';
const folder = mkdtempSync(join(tmpdir(), 'convert-'));
after(() => rmSync(folder, { recursive: true }));

const FILES = `MR_small_implicit rtplan rtdose rtdose_1frame priv_SQ SC_rgb_jpeg_dcmd no_meta_group_length ExplVR_BigEnd MR_small_bigendian
  MR_small_expb liver_expb_1frame`.split(/\s+/);
/** Without group 2, so what they are is said here. */
const BARE: Record<string, string> = { rtstruct: IMPLICIT_VR_LITTLE_ENDIAN, ExplVR_BigEndNoMeta: EXPLICIT_VR_BIG_ENDIAN };
/** pydicom: every value of every element, private ones too, as pydicom understands it; a private value that is bytes here may be text or a number there. */
const SAME_VALUES = `
import sys, warnings
warnings.simplefilter('ignore')
from pydicom import dcmread
def said(element):
    if element.VR == 'SQ': return [walk(item) for item in element.value]
    return repr(element.value)
def walk(dataset):
    return {str(e.tag): said(e) for e in dataset if e.tag.element != 0 and not (e.tag.is_private and e.VR == 'UN')}
def raw(dataset):
    found = {}
    for e in dataset:
        if e.tag.is_private and e.VR == 'UN': found[str(e.tag)] = bytes(e.value)
    return found
one, other = dcmread(sys.argv[1]), dcmread(sys.argv[2])
a, b = walk(one), walk(other)
common = {k for k in a if k in b}
assert {k: a[k] for k in common} == {k: b[k] for k in common}, [k for k in common if a[k] != b[k]]
lost = [k for k in a if k not in b and not one[k].tag.is_private]
assert not lost and not [k for k in b if k not in a], (lost, [k for k in b if k not in a])
assert [e.tag for e in one if e.tag.element != 0] == [e.tag for e in other if e.tag.element != 0]
if 'PixelData' in one and sys.argv[3] == 'pixels': assert one.PixelData == other.PixelData
print(len(common))
`;

interface Source {
  readonly dataSet: Buffer;
  readonly transferSyntaxUid: string;
}

function source(name: string): Source {
  const bytes = readFileSync(join(FOLDER, `${name}.dcm`));
  const bare = BARE[name];
  if (bare !== undefined) return { dataSet: bytes, transferSyntaxUid: bare };
  const { meta, dataSetOffset } = parseFileMeta(bytes)!;
  return { dataSet: bytes.subarray(dataSetOffset), transferSyntaxUid: meta.transferSyntaxUid };
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777);
}

async function converted({ dataSet, transferSyntaxUid }: Source): Promise<Buffer> {
  const scanner = new DataSetScanner({ transferSyntaxUid, wanted: CONVERSION_PATHS });
  for await (const chunk of chunksOf(dataSet)) {
    await scanner.write(chunk);
    if (scanner.pixelDataReached) break;
  }
  const scan = scanner.pixelDataReached ? scanner.snapshot() : await scanner.end();
  const plain = transferSyntaxUid === '1.2.840.10008.1.2.1.99' ? inflated(chunksOf(dataSet)) : chunksOf(dataSet);
  return Buffer.concat(await Array.fromAsync(toExplicitLittle({ scan, transferSyntaxUid }, plain)));
}

function write(name: string, { dataSet, transferSyntaxUid }: Source): string {
  const path = join(folder, name);
  const uids = { sopClassUid: '1.2.3', sopInstanceUid: '1.2.3.4' };
  writeFileSync(path, Buffer.concat([encodeFileMeta({ ...uids, transferSyntaxUid }), dataSet]));
  return path;
}

/** dcmdump's lines of the data set: VRs and values, without lengths, which depend on how sequences are written. */
function dump(path: string): string[] {
  const printed = execFileSync('dcmdump', ['-q', '+L', '-Un', path], { maxBuffer: 64 * 1024 * 1024 });
  const lines = printed.toString('latin1').split('\n');
  const withoutLengths = lines.slice(lines.findIndex((line) => line.startsWith('# Dicom-Data-Set')) + 2);
  const normalised = withoutLengths.map((line) => line.replace(/ *#.*/, '').replace(/\((Sequence|Item) with .*/, '($1)'));
  return normalised.filter((line) => !line.includes('DelimitationItem'));
}

const pydicomFinds = (one: string, other: string, compared: 'pixels' | 'values'): number =>
  Number(execFileSync('/usr/bin/python3', ['-c', SAME_VALUES, one, other, compared]).toString());

for (const name of [...FILES, ...Object.keys(BARE)]) {
  test(`${name}: pydicom and dcmconv find the same values after conversion to explicit VR little endian`, async () => {
    const before = source(name);
    const original = write('before.dcm', before);
    const ours = write('ours.dcm', { dataSet: await converted(before), transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN });
    // Big endian words look different as bytes; dcmconv tells whether they were turned.
    const compared = before.transferSyntaxUid === EXPLICIT_VR_BIG_ENDIAN ? 'values' : 'pixels';
    if (before.transferSyntaxUid === EXPLICIT_VR_BIG_ENDIAN) assert.ok(dump(ours).length > 10);
    else assert.ok(pydicomFinds(original, ours, compared) > 0);
    const theirs = join(folder, 'theirs.dcm');
    execFileSync('dcmconv', ['-q', '+te', '-g', original, theirs]);
    assert.deepEqual(dump(ours), dump(theirs));
  });
}

test('a deflated file becomes its inflated bytes', async () => {
  const before = source('image_dfl');
  const ours = write('ours.dcm', { dataSet: await converted(before), transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN });
  assert.ok(pydicomFinds(join(FOLDER, 'image_dfl.dcm'), ours, 'pixels') > 20);
});

test('MR_small in implicit and in big endian becomes MR_small in explicit little endian, pixels included', async () => {
  const pixels = (path: string): string =>
    execFileSync('/usr/bin/python3', ['-c', 'import pydicom,sys; print(pydicom.dcmread(sys.argv[1]).PixelData.hex())', path]).toString();
  const expected = pixels(join(FOLDER, 'MR_small.dcm'));
  for (const name of ['MR_small_implicit', 'MR_small_bigendian', 'MR_small_expb'])
    assert.equal(
      pixels(write('ours.dcm', { dataSet: await converted(source(name)), transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN })),
      expected,
    );
});

for (const name of ['rtdose_expb', 'rtdose_expb_1frame'])
  test(`${name}: 32-bit pixel cells in big endian are refused, for pydicom and dcmconv read them differently`, async () => {
    await assert.rejects(converted(source(name)), /more than 16 bits have no byte order/);
  });
