// Documents that are wrong in bad ways: secrets written in plain are never repeated, and no shape of input fails otherwise than by telling.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayDocumentError, parseGatewayDocument } from './gateway-document.ts';

const DEFAULT_FACILITY = { id: 'a', match: [{}], destinations: ['s'] };
const STOW = { id: 's', kind: 'stow', url: 'https://archive.example.org/dicom-web' };
const HUB = { id: 'h', model: 'hub', match: [{ calledAe: 'HUB' }], mappingTag: 'InstitutionName' };
/** A document that is right, changed. */
const document = (changes: Record<string, unknown>): unknown => ({ facilities: [DEFAULT_FACILITY], destinations: [STOW], ...changes });
const stow = (changes: Record<string, unknown>): unknown => document({ destinations: [{ ...STOW, ...changes }] });

const secrets: [title: string, source: unknown][] = [
  ['a token', stow({ auth: { kind: 'bearer', token: 'hunter2' } })],
  ['a password in the address', stow({ url: 'https://gw:hunter2@archive.example.org' })],
  ['a token in the query', stow({ url: 'https://archive.example.org/?token=hunter2' })],
  ['a key as PEM', stow({ tls: { cert: 'file:/c', key: '-----BEGIN PRIVATE KEY----- hunter2' } })],
  ['a whole auth as text', stow({ auth: 'hunter2' })],
  ['an unknown field of auth', stow({ auth: { kind: 'basic', username: 'a', password: 'env:P', pass: 'hunter2' } })],
  [
    'a mail password',
    document({
      notifications: [{ kind: 'email', smtp: { host: 'm', username: 'u', password: 'hunter2' }, from: 'a@b', to: 'c@d', on: ['held'] }],
    }),
  ],
  ['the key of a listener', document({ listeners: [{ id: 'l', port: 104, tls: { cert: 'file:/c', key: 'hunter2' } }] })],
];

const problemsOf = (source: unknown): GatewayDocumentError => {
  try {
    parseGatewayDocument(source);
  } catch (error) {
    assert.ok(error instanceof GatewayDocumentError, `${error}`);
    return error;
  }
  return assert.fail('the document was taken');
};

describe('a gateway document', () => {
  for (const [title, source] of secrets)
    it(`with ${title} in plain is refused without repeating it`, () => {
      const { message, problems } = problemsOf(source);
      assert.ok(!`${message}${JSON.stringify(problems)}`.includes('hunter2'), message);
    });

  it('does not fail otherwise on 1,000 seeded mutilations of a document', () => {
    let state = 9;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state >>> 8) % below;
    };
    const junk = [null, 0, -1, '', 'x', [], {}, [null], [[]], { id: {} }, true, 1e99, '\u0000', '__proto__'];
    for (let at = 0; at < 1000; at++) {
      const copy = structuredClone({
        ...(document({
          facilities: [DEFAULT_FACILITY, HUB],
          retrieval: { sources: [] },
          coercion: [],
          lanes: [{ when: {}, lane: 'stat' }],
        }) as object),
      });
      let target = copy as Record<string, unknown>;
      for (;;) {
        const keys = Object.keys(target);
        const key = keys[random(keys.length)]!;
        const next = target[key];
        if (typeof next === 'object' && next !== null && Object.keys(next).length > 0 && random(3) > 0)
          target = next as Record<string, unknown>;
        else {
          target[key] = junk[random(junk.length)];
          break;
        }
      }
      try {
        parseGatewayDocument(copy);
      } catch (error) {
        assert.ok(error instanceof GatewayDocumentError, `${JSON.stringify(copy)}: ${error}`);
      }
    }
  });
});
