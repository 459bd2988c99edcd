// What an operator does between two nats-servers: nothing while streams are whole, a restart in turn when they are not, and no more than that.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wholeOrMended } from './whole-streams.ts';

/** One look each: no time passes. */
const AT_ONCE = { staysMs: 0, wholeWithinMs: -1, mendedWithinMs: -1 };

/** A cluster that is whole, or is so once it was restarted, or never. */
async function lookAfter(whole: { before: boolean; after: boolean }): Promise<{ told: string[]; restarts: string[] }> {
  const [told, restarts]: [string[], string[]] = [[], []];
  const isWhole = async (): Promise<boolean> => (restarts.length === 0 ? whole.before : whole.after);
  const restart = async (how: string): Promise<void> => void restarts.push(how);
  await wholeOrMended({ isWhole, restart }, (intervention) => told.push(intervention), AT_ONCE);
  return { told, restarts };
}

describe('between two nats-servers', () => {
  it('nothing is done while streams are whole', async () => {
    assert.deepEqual(await lookAfter({ before: true, after: true }), { told: [], restarts: [] });
  });

  it('servers are restarted in turn where streams stay apart, and that is told', async () => {
    assert.deepEqual(await lookAfter({ before: false, after: true }), {
      told: ['the nats-servers restarted in turn: streams were not whole'],
      restarts: ['in turn'],
    });
  });

  it('it fails where a restart does not help', async () => {
    await assert.rejects(lookAfter({ before: false, after: false }), /every copy of every stream is up to date/);
  });
});
