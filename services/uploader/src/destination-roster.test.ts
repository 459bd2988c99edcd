// Following the gateway document: what is started, restarted, stopped, and what is left alone.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { createLogger } from '@causeway/shared/logger';
import { DestinationRoster } from './destination-roster.ts';
import { FakeClock } from './fake-clock-for-tests.ts';

const log = createLogger('test', 'silent');

const stow = (id: string, url = 'https://archive.example.org/dicom-web') => ({ id, kind: 'stow', url });
const dimse = { id: 'pacs', kind: 'dimse', host: 'pacs.example.org', port: 104, calledAe: 'PACS', callingAe: 'facility' };

function documentOf(destinations: { id: string }[], aeTitle = 'NORTH_GW') {
  const facilities = [{ id: 'north', model: 'standard', match: [{}], aeTitle, destinations: destinations.map(({ id }) => id) }];
  return { revision: 1, document: parseGatewayDocument({ facilities, destinations }) };
}

function newRoster() {
  const clock = new FakeClock();
  const done: string[] = [];
  const world = { failing: false, running: new Set<string>() };
  const roster = new DestinationRoster({
    ...{ clock, log },
    serve: async ({ id }) => {
      if (world.failing) throw new Error('no broker');
      assert.ok(!world.running.has(id), 'one worker a destination');
      world.running.add(id);
      done.push(`+${id}`);
      const stop = async (): Promise<void> => {
        await settled();
        world.running.delete(id);
        done.push(`-${id}`);
      };
      return { stop, abort: () => void done.push(`!${id}`) };
    },
  });
  /** What was done since the last look. */
  const look = async (): Promise<string[]> => {
    for (let turn = 0; turn < 5; turn += 1) await settled();
    return done.splice(0).toSorted();
  };
  return { roster, clock, world, look };
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('DestinationRoster', () => {
  it('starts what is new, restarts what changed, stops what left, and leaves the rest alone', async () => {
    const { roster, look } = newRoster();
    roster.apply(documentOf([stow('a'), stow('b')]));
    assert.deepEqual(await look(), ['+a', '+b']);
    roster.apply(documentOf([stow('a'), stow('b', 'https://other.example.org'), stow('c')]));
    assert.deepEqual(await look(), ['+b', '+c', '-b']);
    roster.apply(documentOf([stow('c')]));
    assert.deepEqual(await look(), ['-a', '-b']);
  });

  it('restarts a DIMSE destination when an AE title of ours changes, and no other', async () => {
    const { roster, look } = newRoster();
    roster.apply(documentOf([stow('a'), dimse]));
    await look();
    roster.apply(documentOf([stow('a'), dimse], 'SOUTH_GW'));
    assert.deepEqual(await look(), ['+pacs', '-pacs']);
  });

  it('never serves one destination twice at a time, however fast the document changes', async () => {
    const { roster, look, world } = newRoster();
    for (let n = 0; n < 6; n += 1) roster.apply(documentOf(n % 2 === 0 ? [stow('a', `https://h${n}.example.org`)] : [stow('other')]));
    roster.apply(documentOf([stow('a')]));
    for (let n = 0; n < 10; n += 1) await look();
    assert.deepEqual([...world.running], ['a']);
  });

  it('tries again what could not be started', async () => {
    const { roster, look, world, clock } = newRoster();
    world.failing = true;
    roster.apply(documentOf([stow('a')]));
    assert.deepEqual(await look(), []);
    world.failing = false;
    clock.advance(5000);
    assert.deepEqual(await look(), ['+a']);
  });

  it('stops everything at the end, cuts what takes longer than the grace period, and starts nothing more', async () => {
    const { roster, look, clock } = newRoster();
    roster.apply(documentOf([stow('a'), stow('b')]));
    await look();
    const drained = roster.drain(1000);
    clock.advance(1000);
    await drained;
    assert.deepEqual(await look(), ['!a', '!b', '-a', '-b']);
    roster.apply(documentOf([stow('c')]));
    assert.deepEqual(await look(), []);
  });
});
