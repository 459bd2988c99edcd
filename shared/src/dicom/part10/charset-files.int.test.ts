// Real files in every character set (Debian's python3-pydicom): our text is pydicom's, our bytes are read by pydicom, and DCMTK agrees on the single-byte sets.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { characterSetAt, characterSetPaths } from './character-set-at.ts';
import { decodeText } from './charset.ts';
import { encodeText } from './charset-encode.ts';
import { type DataSetScan, DataSetScanner } from './data-set-scanner.ts';
import { encodeElement } from './element.ts';
import { encodeFileMeta, parseFileMeta } from './file-meta.ts';

const FOLDER = '/usr/lib/python3/dist-packages/pydicom/data/charset_files';
const NAME = '00100010';
/** The name stands in an item, which may have a set of its own. */
const NAME_IN_ITEM = '0032106400100010';

const PYDICOM = `
import json, sys
from pydicom import dcmread
for path in sys.argv[1:]:
    dataset = dcmread(path, force=True)
    dataset.decode()
    item = dataset.get("RequestedProcedureCodeSequence")
    print(json.dumps(str((item[0] if item else dataset).PatientName)))
`;

function pydicomNames(paths: string[]): string[] {
  const output = execFileSync('/usr/bin/python3', ['-W', 'ignore', '-c', PYDICOM, ...paths]).toString();
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as string);
}

function scanned(path: string): DataSetScan {
  const bytes = readFileSync(path);
  const parsed = parseFileMeta(bytes);
  const wanted = [NAME, NAME_IN_ITEM, ...characterSetPaths(NAME_IN_ITEM)];
  const scanner = new DataSetScanner({ transferSyntaxUid: parsed?.meta.transferSyntaxUid ?? '1.2.840.10008.1.2', wanted });
  scanner.write(parsed === undefined ? bytes : bytes.subarray(parsed.dataSetOffset));
  return scanner.end() as DataSetScan;
}

/** pydicom leaves out empty components at the end of a name. */
const trimmed = (name: string): string => name.replace(/[\^=]+$/, '');

const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.dcm'));
const NAMES = pydicomNames(FILES.map((name) => join(FOLDER, name)));

for (const [index, file] of FILES.entries())
  test(`${file}: the name is ${NAMES[index]}, as pydicom reads it`, () => {
    const scan = scanned(join(FOLDER, file));
    const path = scan.values.has(NAME) ? NAME : NAME_IN_ITEM;
    assert.equal(trimmed(decodeText(scan.values.get(path)!, 'PN', characterSetAt(scan, path))), trimmed(NAMES[index]!));
  });

test('dcmconv +U8 makes the same text of each single-byte set', () => {
  const folder = mkdtempSync(join(tmpdir(), 'charset-'));
  try {
    let compared = 0;
    for (const [index, file] of FILES.entries()) {
      const { specificCharacterSet, values } = scanned(join(FOLDER, file));
      if (!values.has(NAME) || !/^ISO_IR (1\d\d)$/.test(specificCharacterSet.join())) continue;
      const converted = join(folder, file);
      execFileSync('dcmconv', ['-q', '+U8', join(FOLDER, file), converted]);
      const scan = scanned(converted);
      assert.equal(trimmed(decodeText(scan.values.get(NAME)!, 'PN', ['ISO_IR 192'])), trimmed(NAMES[index]!));
      compared += 1;
    }
    assert.ok(compared >= 7, `${compared} files`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const WRITTEN: [set: string[], name: string][] = [
  [['ISO_IR 101'], 'Wîgry^ąćę'],
  [['ISO_IR 109'], 'Ĝoja^Ħal'],
  [['ISO_IR 110'], 'āė^Žan'],
  [['ISO_IR 148'], 'Çavuşoğlu^Işık'],
  [['ISO_IR 166'], 'ประเทศ^ไทย'],
  [['ISO_IR 13'], 'ﾔﾏﾀﾞ^ﾀﾛｳ'],
  [['ISO_IR 127'], 'قباني^لنزار'],
  [['', 'ISO 2022 IR 87'], 'Yamada^Tarou=山田^太郎=やまだ^たろう'],
  [['ISO 2022 IR 13', 'ISO 2022 IR 87'], 'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう'],
  [['', 'ISO 2022 IR 149'], 'Hong^Gildong=洪^吉洞=홍^길동'],
  [['', 'ISO 2022 IR 58'], 'Zhang^XiaoDong=张^小东'],
  [['ISO 2022 IR 100', 'ISO 2022 IR 144'], 'Müller^Люк'],
  [['GB18030'], 'Wang^XiaoDong=王^𠀀'],
  [['GBK'], 'Wang^XiaoDong=王^小东'],
  [['ISO_IR 192'], 'Wang^XiaoDong=王^小東'],
];

test('pydicom reads what we write, in each set', () => {
  const folder = mkdtempSync(join(tmpdir(), 'charset-'));
  try {
    const paths = WRITTEN.map(([set, name], index) => {
      const path = join(folder, `${index}.dcm`);
      const elements = [
        { tag: 0x00080005, vr: 'CS', value: Buffer.from(set.join('\\')) },
        { tag: 0x00100010, vr: 'PN', value: encodeText(name, 'PN', set)! },
      ];
      const meta = encodeFileMeta({ sopClassUid: '1.2.3', sopInstanceUid: '1.2.3.4', transferSyntaxUid: '1.2.840.10008.1.2.1' });
      writeFileSync(path, Buffer.concat([meta, ...elements.map((element) => encodeElement(element))]));
      return path;
    });
    // pydicom decodes the characters of GB 2312, but leaves its escapes standing.
    assert.deepEqual(
      pydicomNames(paths).map((name) => name.replaceAll('\x1b$)A', '')),
      WRITTEN.map(([, name]) => name),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
