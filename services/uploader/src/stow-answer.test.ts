// Answers of archives to STOW-RS, right and wrong: only what is listed as referenced is ever delivered.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseInstanceMatches, parseStowAnswer } from './stow-answer.ts';
import { stowOutcome } from './stow-outcome.ts';

const uid = '1.2.840.1';
const listed = (tag: string, more: object = {}) => ({
  [tag]: { vr: 'SQ', Value: [{ '00081150': { vr: 'UI', Value: ['1.2.3'] }, '00081155': { vr: 'UI', Value: [uid] }, ...more }] },
});
const referenced = listed('00081199');
const failed = (reason: unknown) => listed('00081198', { '00081197': { vr: 'US', Value: [reason] } });
const outcomeOf = (answer: unknown, status = 200) => stowOutcome(parseStowAnswer(JSON.stringify(answer)), status, uid);

describe('parseStowAnswer', () => {
  it('delivers what the archive lists as referenced, whatever of 200, 202 and 409 it answers', () => {
    for (const status of [200, 202, 409]) {
      assert.deepEqual(outcomeOf(referenced, status), { kind: 'delivered', confirmation: `stow ${status}`, warning: undefined });
    }
    assert.equal(outcomeOf([referenced]).kind, 'delivered');
  });

  it('keeps the Warning Reason', () => {
    const answer = listed('00081199', { '00081196': { vr: 'US', Value: [0xb007] } });
    assert.deepEqual(outcomeOf(answer, 202), { kind: 'delivered', confirmation: 'stow 202', warning: 'Warning Reason B007' });
  });

  it('takes a listed failure for one even when the instance is also listed as referenced', () => {
    assert.equal(outcomeOf({ ...referenced, ...failed(0xa900) }).kind, 'permanent');
  });

  it('reads reasons written as text, and takes an unreadable one for unknown', () => {
    assert.equal(outcomeOf(failed('43264')).kind, 'permanent');
    assert.equal(outcomeOf(failed('soon')).kind, 'refused');
    assert.equal(outcomeOf(failed(null)).kind, 'refused');
  });

  it('delivers nothing on an empty, foreign or malformed answer', () => {
    const texts = ['', ' ', '{', 'null', '[]', '[[]]', '42', '"stored"', '<xml/>', '{}', '{"00081199":null}', '{"00081199":{"vr":"SQ"}}'];
    for (const text of texts) assert.equal(stowOutcome(parseStowAnswer(text), 200, uid).kind, 'refused', text);
    assert.equal(stowOutcome(undefined, 200, uid).kind, 'refused');
    assert.equal(outcomeOf([referenced, referenced]).kind, 'refused');
    assert.equal(outcomeOf(listed('00081199', { '00081155': { vr: 'UI', Value: ['1.2.840.2'] } })).kind, 'refused');
  });

  it('never throws and never delivers on a damaged answer that has lost the instance', () => {
    const random = generator(20_260_101);
    const text = JSON.stringify(referenced);
    for (let round = 0; round < 3000; round += 1) {
      const bytes = Buffer.from(text);
      for (let n = 0; n <= random() * 4; n += 1) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const damaged = bytes.subarray(0, random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length).toString('utf8');
      const outcome = stowOutcome(parseStowAnswer(damaged), 200, uid);
      if (outcome.kind === 'delivered') assert.ok(damaged.includes(uid) && damaged.includes('00081199'), damaged);
    }
  });
});

describe('parseInstanceMatches', () => {
  it('lists the SOP Instance UIDs, and none of what is no answer to a search', () => {
    assert.deepEqual(parseInstanceMatches(JSON.stringify([{ '00080018': { vr: 'UI', Value: [uid] } }, {}])), [uid]);
    for (const text of ['', '{', '[]', 'null', '[1]']) assert.deepEqual(parseInstanceMatches(text), []);
  });
});

/** mulberry32: the same numbers each run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
