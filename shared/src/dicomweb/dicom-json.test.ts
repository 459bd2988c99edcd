// What servers answer is read without trust: wrong shapes give nothing or an error, never a crash or a made-up value.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DicomJsonError, integerValue, jsonElement, parseDicomJson, sequenceItems, textValue, textValues, uidValue } from './dicom-json.ts';

const [dataSet] = parseDicomJson(
  JSON.stringify([
    {
      '0020000d': { vr: 'UI', Value: ['1.2.3\0'] },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Doe^Jane ' }] },
      '00080061': { vr: 'CS', Value: ['CT', null, 'SR'] },
      '00201208': { vr: 'IS', Value: ['12 '] },
      '00280008': { vr: 'IS', Value: [3] },
      '00081199': { vr: 'SQ', Value: [{ '00081155': { vr: 'UI', Value: ['1.2.4'] } }] },
      '00080018': { vr: 'UI', Value: ['../etc/passwd'] },
      '00080020': { vr: 'DA' },
      '00080030': 'not an element',
      name: { vr: 'DA' },
    },
  ]),
) as [ReturnType<typeof parseDicomJson>[number]];

describe('DICOM JSON', () => {
  it('reads text, names, numbers and items, with tags in either case', () => {
    assert.equal(uidValue(dataSet, '0020000D'), '1.2.3');
    assert.equal(textValue(dataSet, '00100010'), 'Doe^Jane');
    assert.deepEqual(textValues(dataSet, '00080061'), ['CT', '', 'SR']);
    assert.equal(integerValue(dataSet, '00201208'), 12);
    assert.equal(integerValue(dataSet, '00280008'), 3);
    assert.equal(uidValue(sequenceItems(dataSet, '00081199')[0]!, '00081155'), '1.2.4');
  });

  it('gives undefined for what is absent, empty, or not of the form asked for', () => {
    assert.equal(uidValue(dataSet, '00080018'), undefined);
    assert.equal(textValue(dataSet, '00080020'), undefined);
    assert.equal(textValue(dataSet, '00080030'), undefined);
    assert.equal(integerValue(dataSet, '00100010'), undefined);
    assert.deepEqual(sequenceItems(dataSet, '00081198'), []);
  });

  it('takes an empty body for no data set and one object for one', () => {
    assert.deepEqual(parseDicomJson(' '), []);
    assert.deepEqual(parseDicomJson('[]'), []);
    assert.equal(parseDicomJson('{"00080018":{"vr":"UI"}}').length, 1);
  });

  it('refuses what is not JSON or not a data set, without showing it', () => {
    for (const text of ['<html>Doe</html>', '[1]', '[[{}]]', 'null', '["Doe"]']) {
      assert.throws(
        () => parseDicomJson(text),
        (error: Error) => error instanceof DicomJsonError && !error.message.includes('Doe'),
        text,
      );
    }
    assert.throws(() => sequenceItems({ '00081199': { vr: 'SQ', Value: ['x'] } }, '00081199'), DicomJsonError);
  });

  it('writes an empty element without Value', () => {
    assert.deepEqual(jsonElement('UI', []), { vr: 'UI' });
    assert.deepEqual(jsonElement('UI', ['1.2']), { vr: 'UI', Value: ['1.2'] });
  });
});
