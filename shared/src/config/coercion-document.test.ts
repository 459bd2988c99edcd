// Coercion rules in the gateway document: what they must not touch, and values that no instance could have.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGatewayDocument } from './gateway-document.ts';

const problemsOf = (rule: object): string[] => {
  try {
    parseGatewayDocument({ coercion: [{ when: {}, on: 'receive', ...rule }] });
    return [];
  } catch (error) {
    return (error as Error).message.split('\n').slice(1);
  }
};

describe('a coercion rule', () => {
  const identity = ['SOPClassUID', 'SOPInstanceUID', '(0020,000D)', '(0020,000E)', 'SpecificCharacterSet', 'OriginalAttributesSequence'];
  const pixels = ['(0028,0010)', 'PixelData', '(7FE1,1010)', '(FFFC,FFFC)', '52009229.00289110.00280030'];
  for (const name of [...identity, ...pixels, '(0002,0010)', '(0009,0000)', '00321064.00080005', '04000561.04000563'])
    it(`does not touch ${name}`, () =>
      assert.deepEqual(problemsOf({ remove: [name] }), [
        `- coercion[0].remove[0]: "${name}" must not be one of SpecificCharacterSet, SOPClassUID, SOPInstanceUID, StudyInstanceUID, SeriesInstanceUID, OriginalAttributesSequence, a group length, or of the groups 0000, 0002, 0028 (pixels) and from 7FE0 on: coercion does not touch them`,
      ]));

  for (const name of ['PatientID', '(0009,1010)', '00081140.00080018', '00321064.00080100', 'FrameOfReferenceUID'])
    it(`may touch ${name}`, () => assert.deepEqual(problemsOf({ remove: [name] }), []));

  it('writes what the attributes can hold', () =>
    assert.deepEqual(
      problemsOf({
        set: { InstitutionName: 'x'.repeat(65), PatientSex: 'male', StudyDate: '1.1.2026', SeriesNumber: 'one' },
        copy: { RequestAttributesSequence: 'association:callingAe' },
        map: { Modality: { CT: 'ct' } },
      }).map((line) => line.replace(/"x+…?"?/, '...')),
      [
        '- coercion[0].set.InstitutionName: ... must have at most 64 characters (VR LO)',
        '- coercion[0].set.PatientSex: "male" must be capital letters, digits, space and underscore (VR CS)',
        '- coercion[0].set.StudyDate: "1.1.2026" must be a date such as 20260131 (VR DA)',
        '- coercion[0].set.SeriesNumber: "one" must be a whole number (VR IS)',
        '- coercion[0].copy.RequestAttributesSequence: "association:callingAe" must be an attribute that holds text or numbers (VR SQ)',
        '- coercion[0].map.Modality.CT: "ct" must be capital letters, digits, space and underscore (VR CS)',
      ],
    ));

  it('names an attribute once, however it is written', () =>
    assert.deepEqual(problemsOf({ set: { InstitutionName: 'A' }, remove: ['(0008,0080)'] }), [
      '- coercion[0]: names (0008,0080) twice: one rule changes an attribute once, another rule may follow',
    ]));

  it('says what happens when it is impossible: hold, unless it says skip', () => {
    const [one, other] = parseGatewayDocument({
      coercion: [
        { when: {}, on: 'receive', set: { InstitutionName: 'A' } },
        { when: {}, on: 'receive', set: { InstitutionName: 'A' }, impossible: 'skip' },
      ],
    }).coercion;
    assert.deepEqual([one!.impossible, other!.impossible], ['hold', 'skip']);
  });
});
