// A setting without effect is told, and documented.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { defaultGatewayDocument, parseGatewayDocument, readGatewayDocument } from './gateway-document.ts';
import { fieldsNotActedOn, NOT_ACTED_ON } from './not-acted-on.ts';

const ROOT = join(import.meta.dirname, '../../..');

describe('fields that this version does not act on', () => {
  it('the default document has none', () => {
    assert.deepEqual(fieldsNotActedOn(parseGatewayDocument(defaultGatewayDocument('http://127.0.0.1:1/dicom-web'))), []);
  });
  it('the example, which shows every field, names those that it sets', async () => {
    const example = parseGatewayDocument(readGatewayDocument(await readFile(join(ROOT, 'gateway.example.yaml'), 'utf8')));
    const told = fieldsNotActedOn(example);
    for (const field of ['notifications', 'retrieval.front']) assert.ok(told.includes(field), `${field} is not told`);
  });
  it('CONFORMANCE.md lists exactly these', async () => {
    const text = await readFile(join(ROOT, 'CONFORMANCE.md'), 'utf8');
    const paragraph = /Fields of the gateway document without effect: ([\s\S]*?)\.\n/.exec(text)?.[1] ?? '';
    assert.deepEqual([...paragraph.matchAll(/`([^`]+)`/g)].map((match) => match[1]).sort(), Object.keys(NOT_ACTED_ON).sort());
  });
});
