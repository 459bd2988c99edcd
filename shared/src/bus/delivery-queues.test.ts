// Limits of one destination or facility take nothing from another: what is published, what is parked, and why.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGatewayDocument } from '../config/gateway-document.ts';
import { sampleDelivery, sampleInstance } from '../database/facts-for-tests.ts';
import { PublicationRefused, PublicationUnknown } from '../errors.ts';
import type { DeliveryDue } from '../events/delivery.ts';
import { newEnvelope } from '../events/envelope.ts';
import type { Lane } from '../events/instance.ts';
import { DeliveryQueues } from './delivery-queues.ts';

const document = parseGatewayDocument({
  facilities: [
    { id: 'north', match: [{}], destinations: ['small', 'wide'], quota: { queued: 6 } },
    { id: 'south', match: [{ calledAe: 'SOUTH' }], destinations: ['small', 'wide', 'other'] },
  ],
  destinations: [
    { id: 'small', kind: 'stow', url: 'http://small/', queued: 4 },
    { id: 'hundred', kind: 'stow', url: 'http://hundred/', queued: 100 },
    ...['wide', 'other'].map((id) => ({ id, kind: 'stow', url: `http://${id}/`, queued: 1_000_000 })),
  ],
});

/** A stream in memory that counts as JetStream does. */
function rig(most = { messages: 1_000_000, bytes: 1e12 }) {
  const world = { subjects: new Map<string, number>(), now: 0, refuse: undefined as Error | undefined };
  const matching = (filter: string): number => {
    const pattern = new RegExp(`^${filter.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replace('>', '.+')}$`);
    return [...world.subjects].reduce((sum, [subject, count]) => sum + (pattern.test(subject) ? count : 0), 0);
  };
  const total = (): number => [...world.subjects.values()].reduce((sum, count) => sum + count, 0);
  const queues = new DeliveryQueues({
    bus: {
      publish: async (_event, { subject }) => {
        if (world.refuse) throw world.refuse;
        world.subjects.set(subject, (world.subjects.get(subject) ?? 0) + 1);
      },
      queued: async (_stream, filter) => matching(filter),
      backlog: async () => ({ messages: total(), bytes: total() * 3_000, most }),
    },
    document: () => document,
    now: () => world.now,
  });
  return { world, queues, matching };
}

let drawn = 0;
function due(destination: string, facility: string, lane: Lane = 'routine'): DeliveryDue {
  drawn += 1;
  const delivery = { ...sampleDelivery({ ...sampleInstance(1, drawn), lane }, destination), facility };
  return { ...newEnvelope(0, facility), type: 'delivery.due', delivery };
}

describe('queues of deliveries', () => {
  it('a destination gets as many as it may have queued, the rest is parked, and others get theirs', async () => {
    const { queues } = rig();
    const reasons = await Promise.all(Array.from({ length: 10 }, () => queues.publish(due('small', 'south'), 'x')));
    assert.equal(reasons.filter((reason) => reason === undefined).length, 4);
    assert.ok(reasons.slice(4).every((reason) => reason === 'destination-queue'));
    for (let n = 0; n < 20; n += 1) assert.equal(await queues.publish(due('other', 'south'), 'x'), undefined);
  });
  it('a facility over its quota parks at every destination, and another facility sends to the same ones', async () => {
    const { queues } = rig();
    for (let n = 0; n < 6; n += 1) assert.equal(await queues.publish(due(n % 2 ? 'wide' : 'other', 'north'), 'x'), undefined);
    assert.equal(await queues.publish(due('wide', 'north'), 'x'), 'facility-queue');
    assert.equal(await queues.publish(due('other', 'north'), 'x'), 'facility-queue');
    assert.equal(await queues.publish(due('wide', 'south'), 'x'), undefined);
  });
  it('stat work is counted by itself: a queue full of routine work does not park it, and it has the same limit', async () => {
    const { queues } = rig();
    for (let n = 0; n < 4; n += 1) await queues.publish(due('small', 'south'), 'x');
    assert.equal(await queues.publish(due('small', 'south', 'prior'), 'x'), 'destination-queue');
    for (let n = 0; n < 4; n += 1) assert.equal(await queues.publish(due('small', 'south', 'stat'), 'x'), undefined);
    assert.equal(await queues.publish(due('small', 'south', 'stat'), 'x'), 'destination-queue');
  });
  it('has room again once some of it is free', async () => {
    const { world, queues } = rig();
    const place = { destination: 'small', lane: 'routine', facility: 'south' } as const;
    for (let n = 0; n < 4; n += 1) await queues.publish(due('small', 'south'), 'x');
    assert.equal(await queues.hasRoom(place), false);
    world.subjects.set('delivery.due.small.routine.south', 3);
    world.now += 300;
    assert.equal(await queues.hasRoom(place), true);
    assert.equal(await queues.publish(due('small', 'south'), 'x'), undefined);
    assert.equal(await queues.publish(due('small', 'south'), 'x'), 'destination-queue');
    assert.equal(await queues.hasRoom({ ...place, lane: 'stat' }), true);
  });
  it('keeps a tenth of a limit for what was parked: under a load that never ends the oldest gets its turn', async () => {
    const { world, queues } = rig();
    const fresh = async (): Promise<unknown> => queues.publish(due('hundred', 'south'), 'x');
    for (let n = 0; n < 90; n += 1) assert.equal(await fresh(), undefined, `${n}`);
    assert.equal(await fresh(), 'destination-queue');
    const place = { destination: 'hundred', lane: 'routine', facility: 'south' } as const;
    assert.equal(await queues.hasRoom(place), true);
    const parked = (): DeliveryDue => ({ ...due('hundred', 'south'), wasParked: true });
    for (let n = 0; n < 10; n += 1) assert.equal(await queues.publish(parked(), 'x'), undefined, `${n}`);
    assert.equal(await queues.publish(parked(), 'x'), 'destination-queue');
    world.subjects.set('delivery.due.hundred.routine.south', 92);
    world.now += 300;
    assert.equal(await fresh(), 'destination-queue');
    assert.equal(await queues.hasRoom(place), true);
  });
  it('two destinations that are down, with limits beyond what the stream holds, leave room for the third: it is never parked', async () => {
    const { world, queues, matching } = rig({ messages: 600, bytes: 1e12 });
    const full = new Set<string | undefined>();
    for (let n = 0; n < 600; n += 1) {
      full.add(await queues.publish(due(n % 2 ? 'wide' : 'small', 'south', 'stat'), 'x'));
      full.add(await queues.publish(due('wide', 'south'), 'x'));
      world.now += 50;
    }
    assert.ok(full.has('shared-queue'));
    const [wide, all] = [matching('delivery.due.wide.>'), matching('delivery.due.>')];
    assert.ok(wide >= 260 && all <= 500, `${wide} of ${all}`);
    for (let n = 0; n < 60; n += 1) assert.equal(await queues.publish(due('other', 'south'), 'x'), undefined);
  });
  it('what a full stream refuses is parked; an unknown outcome is thrown and counted', async () => {
    const { world, queues } = rig();
    world.refuse = new PublicationRefused('maximum bytes exceeded', { full: true });
    assert.equal(await queues.publish(due('other', 'south'), 'x'), 'queue-full');
    world.refuse = new PublicationRefused('no leader', { full: false });
    await assert.rejects(queues.publish(due('other', 'south'), 'x'), PublicationRefused);
    world.refuse = new PublicationUnknown('no acknowledgement');
    for (let n = 0; n < 4; n += 1) await assert.rejects(queues.publish(due('small', 'south'), 'x'), PublicationUnknown);
    world.refuse = undefined;
    assert.equal(await queues.publish(due('small', 'south'), 'x'), 'destination-queue');
  });
  it('what goes to a destination that the document does not have is published: it is told as failed where it is queued', async () => {
    const { queues } = rig();
    assert.equal(await queues.publish(due('gone', 'south'), 'x'), undefined);
  });
});
