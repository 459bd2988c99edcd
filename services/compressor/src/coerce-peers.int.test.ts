// Real files of many makers and syntaxes (Debian's python3-pydicom), coerced: dcmdump and pydicom read the new values, and everything else is what it was, byte for byte.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import { coerce } from './coerce.ts';
import { MemoryStore, receivedObject } from './synthetic-object.ts';

const DATA = '/usr/lib/python3/dist-packages/pydicom/data';
const FILES = ['test_files', 'charset_files'].flatMap((folder) =>
  readdirSync(join(DATA, folder))
    .filter((name) => name.endsWith('.dcm'))
    .map((name) => join(DATA, folder, name)),
);
const scratch = mkdtempSync(join(tmpdir(), 'coerce-peers-'));
after(() => rmSync(scratch, { recursive: true }));

const { coercion } = parseGatewayDocument({
  coercion: [
    {
      when: {},
      on: 'receive',
      set: { InstitutionName: 'MS44', '00321064.00080100': 'CODE7' },
      copy: { StationName: 'association:callingAe' },
    },
    { when: {}, on: 'receive', remove: ['StudyDescription', 'PatientComments'], map: { PatientSex: { M: 'O', F: 'O', '': 'O' } } },
  ],
});
const TOUCHED = new Set([0x00080080, 0x00081010, 0x00081030, 0x00100040, 0x00104000, 0x00321064, 0x04000561]);

interface Sample {
  readonly dataSet: Buffer;
  readonly transferSyntaxUid: string;
}

/** undefined: no Part 10 file, or a data set that no receiver takes. */
async function opened(path: string): Promise<(Sample & { scan: DataSetScan; plain: Buffer }) | undefined> {
  try {
    const bytes = readFileSync(path);
    const { meta, dataSetOffset } = parseFileMeta(bytes)!;
    const sample = { dataSet: bytes.subarray(dataSetOffset), transferSyntaxUid: meta.transferSyntaxUid };
    return { ...sample, ...(await scanned(sample)) };
  } catch {
    return undefined;
  }
}

async function scanned({ dataSet, transferSyntaxUid }: Sample): Promise<{ scan: DataSetScan; plain: Buffer }> {
  const isDeflated = transferSyntaxUid === DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
  const plain = isDeflated ? inflateRawSync(dataSet) : dataSet;
  const scanner = new DataSetScanner({ transferSyntaxUid: isDeflated ? EXPLICIT_VR_LITTLE_ENDIAN : transferSyntaxUid, wanted: [] });
  scanner.write(plain);
  return { scan: await scanner.end(), plain };
}

/** Bytes of each untouched element in order; group lengths are no content. */
const untouched = ({ scan, plain }: { scan: DataSetScan; plain: Buffer }): string[] =>
  scan.elements
    .filter(({ tag }) => !TOUCHED.has(tag) && (tag & 0xffff) !== 0)
    .map(({ tag, headerOffset, endOffset }) => `${tag.toString(16)} ${plain.toString('base64', headerOffset, endOffset)}`);

async function coercedFile(path: string, sample: Sample): Promise<string> {
  const store = new MemoryStore();
  const { bytes, instance } = receivedObject(sample.dataSet, { transferSyntaxUid: sample.transferSyntaxUid });
  store.put(instance, bytes);
  const document = { ...parseGatewayDocument({}), coercion };
  const made = await coerce({ store }, { instance, document, facility: undefined, isAgain: false });
  const result = join(scratch, basename(path));
  writeFileSync(result, store.objects.get(made.coercion!.object!.objectKey)!);
  return result;
}

const dcmdump = (path: string, tag: string): string =>
  execFileSync('dcmdump', ['-q', '+L', '+P', tag, '+p', path]).toString('latin1').trim();

const PYDICOM = `
import json, sys
from pydicom import dcmread
for path in sys.argv[1:]:
    dataset = dcmread(path)
    item = dataset.OriginalAttributesSequence[-1]
    code = dataset.RequestedProcedureCodeSequence[0].CodeValue
    modified = [str(element.tag) for element in item.ModifiedAttributesSequence[0]]
    print(json.dumps([dataset.InstitutionName, dataset.StationName, dataset.PatientSex, code, "StudyDescription" in dataset,
        item.ModifyingSystem, item.ReasonForTheAttributeModification, str(item.AttributeModificationDateTime), modified]))
`;

const SAMPLES = (await Promise.all(FILES.map(async (path) => ({ path, sample: await opened(path) })))).filter(
  ({ sample }) => sample !== undefined,
);

describe('a coerced real file', () => {
  const made: string[] = [];
  for (const { path, sample } of SAMPLES)
    it(`${basename(path)} has the new values for dcmdump, and its other elements byte for byte`, async () => {
      const result = await coercedFile(path, sample!);
      const now = (await opened(result))!;
      assert.deepEqual(untouched(now), untouched(sample!));
      assert.match(dcmdump(result, '0008,0080'), /\[MS44\]/);
      // Two files have it already, as UN: what says the same stays as it is.
      assert.match(dcmdump(result, '0010,0040'), /CS \[O\]|UN 4f\\20/);
      assert.match(dcmdump(result, '0032,1064'), /\(0008,0100\) SH \[CODE7\]/);
      made.push(result);
    });

  it('is read by pydicom, record and all', () => {
    assert.ok(made.length >= 70, `${made.length} files`);
    const lines = execFileSync('/usr/bin/python3', ['-W', 'ignore', '-c', PYDICOM, ...made])
      .toString()
      .trim()
      .split('\n');
    for (const [index, line] of lines.entries()) {
      const [institution, station, sex, code, described, system, reason, at, modified] = JSON.parse(line) as unknown[];
      assert.deepEqual([institution, station, sex, code, described], ['MS44', 'CT1', 'O', 'CODE7', false], made[index]);
      assert.deepEqual([system, reason, at], ['CAUSEWAY', 'COERCE', '20260102030405.000+0000'], made[index]);
      assert.ok((modified as string[]).includes('(0008, 0080)'), made[index]);
    }
    assert.equal(lines.length, made.length);
  });
});
