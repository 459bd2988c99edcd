// Conditions over instances: every field given must fit, one value of each.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGatewayDocument } from './gateway-document.ts';
import type { LaneCondition } from './gateway-document-rules.ts';
import { attributesOfRules, laneOf, matchesCondition, priorityOf, type RuleFacts } from './rule-condition.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const facts: RuleFacts = {
  callingAe: 'CT1',
  calledAe: 'GATEWAY',
  sopClassUid: CT,
  facility: 'north',
  priority: 'high',
  attributes: {
    Modality: 'CT',
    ImageType: 'ORIGINAL\\PRIMARY\\AXIAL',
    BodyPartExamined: 'CHEST',
    RequestedProcedurePriority: 'STAT',
    '(0040,0275)': 'x',
    OtherPatientNames: 'one\\ two',
  },
};

const cases: [title: string, when: LaneCondition, facts: RuleFacts, expected: boolean][] = [
  ['no fields', {}, facts, true],
  ['no fields, and nothing known', {}, { callingAe: '', calledAe: '', sopClassUid: '', attributes: {} }, true],
  ['the calling AE title', { callingAe: ['CT2', 'CT1'] }, facts, true],
  ['another calling AE title', { callingAe: ['CT2'] }, facts, false],
  ['the calling AE title in other case', { callingAe: ['ct1'] }, facts, false],
  ['the called AE title', { calledAe: ['GATEWAY'] }, facts, true],
  ['the modality', { modality: ['CR', 'CT'] }, facts, true],
  ['another modality', { modality: ['CR'] }, facts, false],
  ['a modality, and the instance has none', { modality: ['CT'] }, { ...facts, attributes: {} }, false],
  ['the SOP Class by UID', { sopClass: [CT] }, facts, true],
  ['the SOP Class by group', { sopClass: ['xa', 'ct'] }, facts, true],
  ['another group', { sopClass: ['xa'] }, facts, false],
  ['one value of the image type', { imageType: ['AXIAL'] }, facts, true],
  ['the whole image type', { imageType: ['ORIGINAL\\PRIMARY\\AXIAL'] }, facts, true],
  ['a part of a value of the image type', { imageType: ['AX'] }, facts, false],
  ['the body part', { bodyPart: ['CHEST'] }, facts, true],
  ['the facility', { facility: ['north'] }, facts, true],
  ['another facility', { facility: ['south'] }, facts, false],
  ['a facility, and none is known', { facility: ['north'] }, { ...facts, facility: undefined }, false],
  ['the priority', { priority: 'high' }, facts, true],
  ['another priority', { priority: 'low' }, facts, false],
  ['a priority, and it is not known', { priority: 'medium' }, { ...facts, priority: undefined }, false],
  ['an attribute and its value', { attribute: 'RequestedProcedurePriority', in: ['STAT'] }, facts, true],
  ['an attribute by tag', { attribute: '(0040,0275)', in: ['y', 'x'] }, facts, true],
  ['an attribute with a padded second value', { attribute: 'OtherPatientNames', in: ['two'] }, facts, true],
  ['an attribute that is absent', { attribute: 'AccessionNumber', in: [''] }, facts, false],
  ['two fields that fit', { callingAe: ['CT1'], modality: ['CT'] }, facts, true],
  ['two fields of which one fits', { callingAe: ['CT1'], modality: ['MR'] }, facts, false],
];

describe('a condition', () => {
  for (const [title, when, known, expected] of cases)
    it(`with ${title} ${expected ? 'fits' : 'does not fit'}`, () => assert.equal(matchesCondition(when, known), expected));
});

describe('lanes', () => {
  const document = parseGatewayDocument({
    lanes: [
      { when: { calledAe: 'GW_PRIOR' }, lane: 'prior' },
      { when: { priority: 'high' }, lane: 'stat' },
      { when: { modality: ['CT'] }, lane: 'prior' },
    ],
  });
  it('are that of the first rule that fits', () => assert.equal(laneOf(document, facts), 'stat'));
  it('are routine when no rule fits', () => assert.equal(laneOf(document, { ...facts, priority: 'low', attributes: {} }), 'routine'));
  it('know the priorities of PS3.7 9.3.1.1, and take an unknown code for medium', () =>
    assert.deepEqual([0, 1, 2, 7].map(priorityOf), ['medium', 'high', 'low', 'medium']));
});

describe('the attributes that rules need', () => {
  it('are those of conditions and mapping tags, by the name as written, without association facts', () => {
    const document = parseGatewayDocument({
      facilities: [
        { id: 'h1', model: 'hub', match: [{ calledAe: 'H1' }], mappingTag: '(0008,1040)' },
        { id: 'h2', model: 'hub', match: [{ calledAe: 'H2' }], mappingTag: 'association:callingAe' },
        { id: 'h3', model: 'hub', match: [{ calledAe: 'H3' }], mappingTag: '00321064.0008010a' },
      ],
      lanes: [{ when: { attribute: 'RequestedProcedurePriority', in: 'STAT' }, lane: 'stat' }],
      coercion: [{ when: { attribute: 'InstitutionName', in: 'A' }, on: 'receive', set: { InstitutionName: 'B' } }],
    });
    assert.deepEqual([...attributesOfRules(document)].sort(), [
      ['(0008,1040)', '00081040'],
      ['00321064.0008010a', '00321064.0008010A'],
      ['InstitutionName', '00080080'],
      ['RequestedProcedurePriority', '00401003'],
    ]);
  });
});
