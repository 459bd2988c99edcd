// The first rule that fits decides.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Compressible, chooseCompression } from './choose-compression.ts';
import type { CompressionRule } from './gateway-document.ts';

/** Nuclear Medicine Image Storage. */
const instance: Compressible = {
  association: { callingAe: 'CT1', calledAe: 'GATEWAY', source: '192.0.2.7', listener: 'lan' },
  sopClassUid: '1.2.840.10008.5.1.4.1.1.20',
  attributes: { Modality: 'MG' },
};
const rule = (when: CompressionRule['when'], then: object): CompressionRule => ({ when, then }) as CompressionRule;
const choose = (...compression: CompressionRule[]) => chooseCompression({ compression }, { ...instance, facility: 'north' });

describe('compression rule', () => {
  const jpeg2000 = rule({}, { syntax: 'jpeg2000-lossless' });

  it('is the first that fits, by calling and called AE, modality, SOP class, facility', () => {
    const conditions: [CompressionRule['when'], CompressionRule['when']][] = [
      [{ callingAe: ['CT1'] }, { callingAe: ['CT2'] }],
      [{ calledAe: ['GATEWAY'] }, { calledAe: ['STAT'] }],
      [{ modality: ['DX', 'MG'] }, { modality: ['CT'] }],
      [{ sopClass: ['nm'] }, { sopClass: ['1.2.840.10008.5.1.4.1.1.2'] }],
      [{ facility: ['north'] }, { facility: ['south'] }],
    ];
    for (const [fits, fitsNot] of conditions) {
      const htj2k = { syntax: 'htj2k-lossless' };
      assert.deepEqual(choose(rule(fits, htj2k), jpeg2000), {
        kind: 'compress',
        syntax: 'htj2k-lossless',
        rule: 'compression rule 1: htj2k-lossless',
      });
      assert.deepEqual(choose(rule(fitsNot, htj2k), jpeg2000), {
        kind: 'compress',
        syntax: 'jpeg2000-lossless',
        rule: 'compression rule 2: jpeg2000-lossless',
      });
    }
  });

  it('leaves the instance unchanged when none fits, or when it says so', () => {
    assert.deepEqual(choose(), { kind: 'unchanged', reason: 'no compression rule fits' });
    const unchanged = choose(rule({}, { syntax: 'unchanged' }), jpeg2000);
    assert.deepEqual(unchanged, { kind: 'unchanged', reason: 'the rule says unchanged', rule: 'compression rule 1: unchanged' });
  });

  it('leaves the instance unchanged for syntaxes that are not built, lossy ones included', () => {
    for (const syntax of ['jpeg2000', 'htj2k', 'jpeg-ls', 'jpeg-baseline', 'jpeg-ls-lossless', 'rle']) {
      assert.equal(choose(rule({}, { syntax, lossy: true, ratio: 8 }), jpeg2000).kind, 'unchanged');
      assert.match(JSON.stringify(choose(rule({}, { syntax }))), /not built yet/);
    }
  });
});
