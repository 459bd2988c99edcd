// The header of a file, read for explain.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { makeSyntheticFiles } from '../../../../test-e2e/src/synthetic-files.ts';
import { Refused } from './command.ts';
import { readHeader } from './read-header.ts';

const folder = mkdtempSync(join(tmpdir(), 'causeway-header-'));
after(() => rmSync(folder, { recursive: true }));
const document = parseGatewayDocument({
  facilities: [{ id: 'a', match: [{}], destinations: ['s'] }],
  destinations: [{ id: 's', kind: 'stow', url: 'http://archive.example/' }],
  lanes: [{ when: { attribute: '(0028,0010)', in: ['64'] }, lane: 'stat' }],
});

test('it has what every instance carries and what the rules ask for, under the names of the document', async () => {
  const [file] = await makeSyntheticFiles(folder, { studies: 1, instances: 1, seed: 7, rows: 64, columns: 64, institution: 'MS44' });
  const { sopClassUid, attributes } = await readHeader(file!.path, document);
  assert.equal(sopClassUid, '1.2.840.10008.5.1.4.1.1.2');
  assert.deepEqual([attributes.InstitutionName, attributes.Modality, attributes['(0028,0010)']], ['MS44', 'CT', '64']);
  truncateSync(file!.path, 700);
  await assert.rejects(readHeader(file!.path, document), Refused, 'a file that ends within an element');
});

test('what is no DICOM file, and what is not there, is refused in words', async () => {
  writeFileSync(join(folder, 'text'), 'x'.repeat(1_000));
  await assert.rejects(
    readHeader(join(folder, 'text'), document),
    (error: unknown) => error instanceof Refused && /no DICOM file/.test(error.message),
  );
  await assert.rejects(
    readHeader(join(folder, 'nowhere'), document),
    (error: unknown) => error instanceof Refused && /ENOENT/.test(error.message),
  );
});
