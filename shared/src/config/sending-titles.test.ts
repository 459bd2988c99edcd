// Loops: which AE titles are our own, and what becomes of images that come back with one of them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideRoute, type RouteFacts } from './decide-route.ts';
import { explainInstance } from './explain-instance.ts';
import { parseGatewayDocument } from './gateway-document.ts';
import { returnedTitle, sendingTitles } from './sending-titles.ts';

const STOW = { id: 'cloud', kind: 'stow', url: 'https://archive.example.org/dicom-web' };
const dimse = (id: string, callingAe?: string) => ({ id, kind: 'dimse', host: 'pacs', port: 104, calledAe: 'PACS', callingAe });
const SOURCE = { id: 'archive', url: 'https://archive.example.org/dicom-web' };
const NORTH = { id: 'north', aeTitle: 'NORTH_GW', match: [{}], destinations: ['pacs'] };

const titleCases: [title: string, document: object, titles: Record<string, string[]>][] = [
  ['nothing is sent by DIMSE', { destinations: [STOW] }, {}],
  ['the gateway’s own title, if nothing else is said', { destinations: [dimse('pacs')] }, { CAUSEWAY: ['pacs'] }],
  ['the gateway’s own title as it is configured', { gateway: { aeTitle: 'GW1' }, destinations: [dimse('pacs')] }, { GW1: ['pacs'] }],
  ['the title of a destination', { destinations: [dimse('pacs', 'SENDER'), STOW] }, { SENDER: ['pacs'] }],
  ['two destinations with one title', { destinations: [dimse('a', 'S'), dimse('b', 'S')] }, { S: ['a', 'b'] }],
  ['the modality’s title is not ours', { destinations: [dimse('pacs', 'as-received')] }, {}],
  [
    'the title of the facility that sends there',
    { facilities: [NORTH], destinations: [dimse('pacs', 'facility')] },
    { NORTH_GW: ['pacs'] },
  ],
  ['a facility’s title that nobody is called with', { facilities: [NORTH], destinations: [dimse('pacs')] }, { CAUSEWAY: ['pacs'] }],
  ['a facility that does not send there', { facilities: [{ ...NORTH, destinations: [] }], destinations: [dimse('pacs', 'facility')] }, {}],
  [
    'a facility without a title of its own',
    { facilities: [{ id: 'a', match: [{}], destinations: ['pacs'] }], destinations: [dimse('pacs', 'facility')] },
    { CAUSEWAY: ['pacs'] },
  ],
  [
    'what is retrieved is sent for no facility',
    { facilities: [NORTH], destinations: [dimse('pacs', 'facility')], retrieval: { sources: [SOURCE] } },
    { NORTH_GW: ['pacs'], CAUSEWAY: ['pacs'] },
  ],
];

const hubbed = parseGatewayDocument({
  facilities: [
    { id: 'hub', model: 'hub', match: [{ calledAe: 'GATEWAY' }], mappingTag: 'InstitutionName', destinations: ['cloud'] },
    { id: 'ms44', model: 'endpoint', match: [{ calledAe: 'MS44' }], rules: [{ hub: 'hub', value: 'MS44' }], destinations: ['pacs'] },
    { id: 'a', match: [{ tlsSubject: 'CN=a*' }], destinations: ['cloud'] },
    { id: 'b', match: [{ tlsSubject: 'CN=*b' }], destinations: ['cloud'] },
  ],
  destinations: [STOW, dimse('pacs', 'OURS')],
});
const from = (callingAe: string, more: Partial<RouteFacts['association']> = {}, rest: Partial<RouteFacts> = {}): RouteFacts => ({
  association: { callingAe, calledAe: 'GATEWAY', source: '192.0.2.7', listener: 'lan', ...more },
  attributes: { InstitutionName: 'MS44' },
  ...rest,
});
const to = (...facilities: string[]): Partial<RouteFacts> => ({ assignment: { facilities, by: 'erika' } });

const loopCases: [title: string, facts: RouteFacts, expected: string][] = [
  ['another calling AE title goes its way', from('CT1'), 'hub ms44 -> cloud pacs'],
  ['our own title at a hub: not even the hub’s copy goes', from('OURS'), 'hub -> held as loop at hub'],
  ['our own title, padded', from('OURS    '), 'hub -> held as loop at hub'],
  ['our own title in other case is another’s', from('ours'), 'hub ms44 -> cloud pacs'],
  ['the gateway’s title, with which nobody is called', from('CAUSEWAY'), 'hub ms44 -> cloud pacs'],
  ['our own title at an endpoint', from('OURS', { calledAe: 'MS44' }), 'ms44 -> held as loop at ms44'],
  ['our own title for nobody', from('OURS', { calledAe: 'OTHER' }), ' -> held as loop at nobody'],
  ['our own title where two tie', from('OURS', { tlsSubject: 'CN=ab' }), ' -> held as loop at nobody of a b'],
  ['a person sends it on all the same', from('OURS', {}, to('ms44')), 'hub ms44 -> pacs'],
  ['a person sends it to the hub', from('OURS', {}, to('hub')), 'hub -> cloud'],
  ['a person sends it to nobody', from('OURS', {}, to()), 'hub -> held as loop at hub'],
];

describe('the titles that we send with', () => {
  for (const [title, document, titles] of titleCases)
    it(`are: ${title}`, () => assert.deepEqual(Object.fromEntries(sendingTitles(parseGatewayDocument(document))), titles));

  it('are recognized when they come back, padded or not', () => {
    assert.deepEqual(
      ['OURS', ' OURS ', 'OTHER', ''].map((callingAe) => returnedTitle(hubbed, { callingAe })),
      ['OURS', 'OURS', undefined, undefined],
    );
  });
});

describe('what comes back', () => {
  for (const [title, facts, expected] of loopCases)
    it(title, () => {
      const { facilities, deliveries, held } = decideRoute(hubbed, facts);
      const at = held && [`held as ${held.reason} at ${held.facility ?? 'nobody'}`, ...held.candidates].join(' of ').replace(' of b', ' b');
      const whereTo = [deliveries.map(({ destination }) => destination).join(' '), at].filter(Boolean).join(' ');
      assert.equal(`${facilities.map(({ id }) => id).join(' ')} -> ${whereTo}`, expected);
    });

  it('is held with a reason that names title and destination', () =>
    assert.equal(
      decideRoute(hubbed, from('OURS')).held?.detail,
      'it came with calling AE title OURS, which is our own towards pacs: sent on, it could go round for ever',
    ));

  it('is not remembered for its study: others of it follow what was decided by the tag', () =>
    assert.equal(decideRoute(hubbed, from('OURS')).remember, undefined));

  it('is explained, and so is what does not', () => {
    const told = (callingAe: string) =>
      explainInstance(hubbed, { ...from(callingAe), sopClassUid: '' }).rules.filter(({ kind }) => kind === 'loop');
    const rule = 'held when it calls with a title that we send with: OURS';
    assert.deepEqual(told('OURS'), [{ kind: 'loop', rule, applied: true, because: `the association's calling AE title is "OURS"` }]);
    assert.deepEqual(told('CT1'), [{ kind: 'loop', rule, applied: false, because: `the association's calling AE title is "CT1"` }]);
  });
});
