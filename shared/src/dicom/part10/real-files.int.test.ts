// Real files of many makers, syntaxes and defects (Debian's python3-pydicom): the scan says what pydicom says.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeText } from './charset.ts';
import { type DataSetScan, DataSetScanner } from './data-set-scanner.ts';
import { parseFileMeta } from './file-meta.ts';

const FOLDER = '/usr/lib/python3/dist-packages/pydicom/data/test_files';
const IMPLICIT = '1.2.840.10008.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';
const BIG = '1.2.840.10008.1.2.2';

const WITH_META =
  `693_J2KI CT_small ExplVR_BigEnd GDCMJ2K_TextGBR J2K_pixelrep_mismatch JPEG-lossy JPEG2000-embedded-sequence-delimiter JPEG2000 JPGExtended
  MR_small MR_small_RLE MR_small_bigendian MR_small_expb MR_small_implicit MR_small_jp2klossless MR_small_jpeg_ls_lossless MR_small_padded
  SC_rgb_dcmtk_+eb+cr SC_rgb_gdcm_KY SC_rgb_jpeg_dcmd SC_rgb_jpeg_dcmtk SC_rgb_rle_16bit_2frame SC_rgb_rle_32bit SC_rgb_small_odd SC_rgb_small_odd_jpeg
  SC_ybr_full_422_uncompressed UN_sequence badVR image_dfl liver_1frame liver_expb_1frame no_meta_group_length priv_SQ reportsi
  reportsi_with_empty_number_tags rtdose rtdose_1frame rtdose_expb rtdose_expb_1frame rtdose_rle rtplan test-SR waveform_ecg`.split(/\s+/);
const BARE: Record<string, string> = { ExplVR_BigEndNoMeta: BIG, ExplVR_LitEndNoMeta: EXPLICIT, rtstruct: IMPLICIT };
/** What each defect is refused with. */
const REFUSED: Record<string, RegExp> = {
  MR_truncated: /data set ends 62 bytes before its last value does.*\(7FE0,0010\)/,
  rtplan_truncated: /data set ends 265 bytes before its last value does/,
  SC_rgb_jpeg: /data set not in its transfer syntax/,
  meta_missing_tsyntax: /group 2 lacks/,
  no_meta: /no DICM prefix/,
};
const WANTED = {
  PatientName: '00100010',
  SOPInstanceUID: '00080018',
  StudyDescription: '00081030',
  Rows: '00280010',
  NumberOfFrames: '00280008',
};

const PYDICOM = `
import json, sys
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset

def read(syntax, path):
    if syntax == "-":
        return dcmread(path)
    with open(path, "rb") as file:
        return read_dataset(file, syntax == "${IMPLICIT}", syntax != "${BIG}")

for syntax, path in zip(sys.argv[1::2], sys.argv[2::2]):
    dataset = read(syntax, path)
    elements = []
    for tag in dataset.keys():
        raw = dataset.get_item(tag)
        elements.append([int(tag)] + ([raw.VR, raw.length, raw.value_tell] if isinstance(raw, RawDataElement) else []))
    text = {name: str(dataset.get(name, "")) for name in ${JSON.stringify(Object.keys(WANTED))}}
    print(json.dumps({"elements": elements, "text": text}))
`;

interface Seen {
  /** VR, length and offset are missing where pydicom has parsed the element already. */
  readonly elements: [tag: number, vr?: string | null, length?: number, offset?: number][];
  readonly text: Record<keyof typeof WANTED, string>;
}

const pathOf = (name: string): string => join(FOLDER, `${name}.dcm`);

interface Opened {
  readonly dataSet: Buffer;
  readonly offset: number;
  readonly transferSyntaxUid: string;
}

function open(name: string): Opened {
  const bytes = readFileSync(pathOf(name));
  const bare = BARE[name];
  if (bare !== undefined) return { dataSet: bytes, offset: 0, transferSyntaxUid: bare };
  const { meta, dataSetOffset } = parseFileMeta(bytes)!;
  return { dataSet: bytes.subarray(dataSetOffset), offset: dataSetOffset, transferSyntaxUid: meta.transferSyntaxUid };
}

async function scan({ dataSet, transferSyntaxUid }: Opened, chunkBytes = dataSet.length): Promise<DataSetScan> {
  const scanner = new DataSetScanner({ transferSyntaxUid, wanted: Object.values(WANTED) });
  for (let at = 0; at < dataSet.length; at += chunkBytes) await scanner.write(dataSet.subarray(at, at + chunkBytes));
  return scanner.end();
}

const NAMES = [...WITH_META, ...Object.keys(BARE)];
const output = execFileSync('/usr/bin/python3', [
  '-W',
  'ignore',
  '-c',
  PYDICOM,
  ...NAMES.flatMap((name) => [BARE[name] ?? '-', pathOf(name)]),
]);
const SEEN = output
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Seen);

for (const [index, name] of NAMES.entries()) {
  test(`${name}: tags, VRs, lengths, offsets and texts are those that pydicom finds, in chunks as in one piece`, async () => {
    const opened = open(name);
    const found = await scan(opened);
    assert.deepEqual(await scan(opened, 333), found);
    // pydicom counts from the start of the file, but of a deflated one from the start of what it inflated.
    const offset = found.endOffset === opened.dataSet.length ? opened.offset : 0;
    const { elements, text } = SEEN[index]!;
    assert.deepEqual(
      found.elements.map(({ tag }) => tag),
      elements.map(([tag]) => tag),
    );
    for (const [position, [, vr, length, valueOffset]] of elements.entries()) {
      const element = found.elements[position]!;
      if (vr) assert.equal(element.vr, vr);
      if (length !== undefined && length !== 0xffffffff)
        assert.deepEqual([element.length, element.valueOffset], [length, valueOffset! - offset]);
    }
    for (const [keyword, path] of Object.entries(WANTED)) {
      const value = found.values.get(path);
      const decoded = value === undefined ? '' : decodeText(value, found.vrs.get(path)!, found.specificCharacterSet);
      // pydicom leaves out the empty components at the end of a name.
      assert.equal(decoded.replace(/[\^=]+$/, ''), text[keyword as keyof typeof WANTED].replace(/[\^=]+$/, ''), keyword);
    }
  });
}

for (const [name, message] of Object.entries(REFUSED)) {
  test(`${name} is refused for its defect`, async () => {
    await assert.rejects(async () => scan(open(name)), { name: 'DicomParseError', message });
  });
}
