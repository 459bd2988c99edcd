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
const asJson = (text: string) => ({ body: Buffer.from(text), contentType: 'application/dicom+json' });
const outcomeOf = async (answer: unknown, status = 200) => stowOutcome(await parseStowAnswer(asJson(JSON.stringify(answer))), status, uid);

describe('parseStowAnswer', () => {
  it('delivers what the archive lists as referenced, whatever of 200, 202 and 409 it answers', async () => {
    for (const status of [200, 202, 409]) {
      assert.deepEqual(await outcomeOf(referenced, status), { kind: 'delivered', confirmation: `stow ${status}`, warning: undefined });
    }
    assert.equal((await outcomeOf([referenced])).kind, 'delivered');
  });

  it('keeps the Warning Reason', async () => {
    const answer = listed('00081199', { '00081196': { vr: 'US', Value: [0xb007] } });
    assert.deepEqual(await outcomeOf(answer, 202), { kind: 'delivered', confirmation: 'stow 202', warning: 'Warning Reason B007' });
  });

  it('takes a listed failure for one even when the instance is also listed as referenced', async () => {
    assert.equal((await outcomeOf({ ...referenced, ...failed(0xa900) })).kind, 'permanent');
  });

  it('reads reasons written as text, and takes an unreadable one for unknown', async () => {
    assert.equal((await outcomeOf(failed('43264'))).kind, 'permanent');
    assert.equal((await outcomeOf(failed('soon'))).kind, 'refused');
    assert.equal((await outcomeOf(failed(null))).kind, 'refused');
  });

  it('delivers nothing on an empty, foreign or malformed answer', async () => {
    const texts = ['', ' ', '{', 'null', '[]', '[[]]', '42', '"stored"', '<xml/>', '{}', '{"00081199":null}', '{"00081199":{"vr":"SQ"}}'];
    for (const text of texts) assert.equal(stowOutcome(await parseStowAnswer(asJson(text)), 200, uid).kind, 'unsaid', text);
    assert.equal(stowOutcome(undefined, 200, uid).kind, 'unsaid');
    assert.equal(stowOutcome(undefined, 409, uid).kind, 'already-stored');
    assert.equal((await outcomeOf([referenced, referenced])).kind, 'unsaid');
    assert.equal((await outcomeOf(listed('00081199', { '00081155': { vr: 'UI', Value: ['1.2.840.2'] } }))).kind, 'unsaid');
  });

  it('never throws and never delivers on a damaged answer that has lost the instance', async () => {
    const random = generator(20_260_101);
    const text = JSON.stringify(referenced);
    for (let round = 0; round < 3000; round += 1) {
      const bytes = Buffer.from(text);
      for (let n = 0; n <= random() * 4; n += 1) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const damaged = bytes.subarray(0, random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length).toString('utf8');
      const outcome = stowOutcome(await parseStowAnswer(asJson(damaged)), 200, uid);
      if (outcome.kind === 'delivered') assert.ok(damaged.includes(uid) && damaged.includes('00081199'), damaged);
    }
  });
});

describe('parseInstanceMatches', () => {
  it('lists what was found, and nothing of what is no answer to a search', async () => {
    const found = [{ '00080018': { vr: 'UI', Value: [uid] }, '0020000D': { vr: 'UI', Value: ['1.2'] } }, {}];
    assert.deepEqual(await parseInstanceMatches(asJson(JSON.stringify(found))), [
      { sopInstanceUid: uid, studyInstanceUid: '1.2', seriesInstanceUid: undefined },
    ]);
    for (const text of ['', '[]', '[{}]']) assert.deepEqual(await parseInstanceMatches(asJson(text)), [], text);
    for (const text of ['{', 'null', '[1]']) assert.equal(await parseInstanceMatches(asJson(text)), undefined, text);
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
