// The router's story on a bus and a store in memory: what goes out, in which order, and what happens when a part fails.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { objectKey } from '@causeway/shared/brands';
import type { PublishOptions } from '@causeway/shared/bus/bus';
import { type DeliveryQueueParts, DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { ObjectMissing, PublicationRefused, TransientError } from '@causeway/shared/errors';
import { type DeliveryDue, deliveryDue } from '@causeway/shared/events/delivery';
import { type FactOf, fact } from '@causeway/shared/events/facts';
import type { InstanceReady } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { association, dicomObject, readyInstance } from './ready-instance-for-tests.ts';
import { quarantine, type RouteParts, route } from './route.ts';
import { createStudyEndpoints } from './study-endpoints.ts';

const document = parseGatewayDocument({
  facilities: [
    { id: 'hub', model: 'hub', match: [{ calledAe: 'GATEWAY' }], mappingTag: 'InstitutionName', destinations: ['cloud'] },
    {
      id: 'ms44',
      model: 'endpoint',
      rules: [
        { hub: 'hub', value: 'MS44' },
        { hub: 'hub', value: 'Klinikum Süd' },
      ],
      destinations: ['ms44-pacs'],
    },
  ],
  destinations: ['cloud', 'ms44-pacs'].map((id) => ({ id, kind: 'stow', url: `http://${id}/dicom-web` })),
});

interface Rig {
  readonly parts: RouteParts;
  readonly due: { event: DeliveryDue; options: PublishOptions }[];
  readonly facts: FactOf<'ledger.instance.routed'>[];
  readonly order: string[];
  readonly reads: string[];
  /** Fails the publication with this number, once. */
  failAt?: number;
}

/** A bus and a store in memory. What is published is parsed: an event that consumers would refuse fails here. */
function rig(objects = new Map<string, Buffer>()): Rig {
  let publications = 0;
  const values = new Map<string, Uint8Array>();
  const note = (what: string) => {
    publications += 1;
    if (publications === made.failAt) throw new PublicationRefused('no leader', { full: false });
    made.order.push(what);
  };
  const bus: RouteParts['bus'] & DeliveryQueueParts['bus'] = {
    queued: async () => 0,
    backlog: async () => ({ messages: 0, bytes: 0, most: { messages: 1_000_000, bytes: 1e10 } }),
    publish: async (event, options) => {
      note('due');
      made.due.push({ event: deliveryDue.parse(JSON.parse(JSON.stringify(event))), options });
    },
    publishFact: async (told) => {
      note(told.type);
      made.facts.push(fact.parse(JSON.parse(JSON.stringify(told))) as FactOf<'ledger.instance.routed'>);
    },
  };
  const store = {
    get: async (key: string, range?: { start: number }) => {
      made.reads.push(key);
      const bytes = objects.get(key);
      if (bytes === undefined) throw new ObjectMissing(`no object ${key}`);
      return Readable.from([bytes.subarray(range?.start ?? 0)]);
    },
  } as unknown as ObjectStore;
  const bucket = {
    get: async (key: string) => values.get(key),
    put: async (key: string, value: Uint8Array) => {
      made.order.push('study');
      values.set(key, value);
    },
    delete: async () => {},
    watch: async () => ({ stop: () => {} }),
  };
  const parts: RouteParts = {
    bus,
    queues: new DeliveryQueues({ bus, document: () => document, now: () => 0 }),
    store,
    revision: () => ({ revision: 7, document }),
    studies: createStudyEndpoints(bucket),
    count: () => {},
  };
  const made: Rig = { parts, due: [], facts: [], order: [], reads: [] };
  return made;
}

const tagged = (institution: string, more: Partial<InstanceReady> = {}) =>
  readyInstance({ attributes: { InstitutionName: institution } }, more);
const untagged = () => {
  const event = readyInstance({ sopInstanceUid: '1.2.3.5' });
  return { event, objects: new Map([[event.instance.objectKey as string, dicomObject([[0x00080016, 'UI', Buffer.from('1.2\0')]])]]) };
};

describe('routing', () => {
  it('publishes one due delivery for each destination, then the fact that lists them', async () => {
    const made = rig();
    const event = tagged('MS44', { generation: 3, facility: 'hub' });
    await route(made.parts, { event });
    assert.deepEqual(made.order, ['study', 'due', 'due', 'ledger.instance.routed']);
    const id = event.instance.receiptId;
    assert.deepEqual(
      made.due.map(({ options }) => options),
      [
        { subject: 'delivery.due.cloud.routine.hub', messageId: `${id}.cloud.3` },
        { subject: 'delivery.due.ms44-pacs.routine.ms44', messageId: `${id}.ms44-pacs.3` },
      ],
    );
    const [, second] = made.due;
    assert.deepEqual(second?.event.delivery, {
      id: `${id}.ms44-pacs`,
      destination: 'ms44-pacs',
      facility: 'ms44',
      cause: { rule: 'ms44: at hub hub, InstitutionName exact "MS44"', revision: 7 },
      instance: event.instance,
    });
    assert.deepEqual([second?.event.generation, second?.event.facility], [3, 'hub']);
    const [told] = made.facts;
    assert.deepEqual(
      told?.deliveries.map(({ id: due, destination }) => [due, destination]),
      [
        [`${id}.cloud`, 'cloud'],
        [`${id}.ms44-pacs`, 'ms44-pacs'],
      ],
    );
    assert.deepEqual([told?.revision, told?.facilities.map((one) => one.id), told?.held], [7, ['hub', 'ms44'], undefined]);
  });

  it('hands on what the compressor made', async () => {
    const made = rig();
    const object = {
      objectKey: `derived/${'0'.repeat(36)}/htj2k-lossless-1.dcm`,
      size: 5,
      digest: 'a'.repeat(64),
      transferSyntaxUid: '1.2.840.10008.1.2.4.201',
    };
    const event = tagged('MS44', { compression: { outcome: 'compressed', reason: '3:1', revision: 1, object: object as never } });
    await route(made.parts, { event });
    assert.deepEqual(made.due[0]?.event.delivery.compressed, object);
  });

  it('sends the hub’s copy at once and tells that the rest is held, when nothing matches', async () => {
    const made = rig();
    await route(made.parts, { event: tagged('MS99') });
    assert.deepEqual(
      made.due.map(({ event }) => event.delivery.destination),
      ['cloud'],
    );
    assert.equal(made.facts[0]?.held?.reason, 'unmatched');
  });

  it('tells an instance without facility as held, and sends it nowhere', async () => {
    const made = rig();
    await route(made.parts, { event: readyInstance({ association: { ...association, calledAe: 'OTHER' } }) });
    assert.deepEqual([made.due.length, made.facts[0]?.held?.reason], [0, 'no-facility']);
  });

  it('tells the assignment with the decision', async () => {
    const made = rig();
    const assignment = { facilities: ['ms44'], by: 'erika' };
    await route(made.parts, { event: tagged('MS99', { generation: 1, assignment }) });
    assert.deepEqual([made.facts[0]?.assignment, made.facts[0]?.held], [assignment, undefined]);
    assert.deepEqual(
      made.due.map(({ options }) => options.messageId.split('.').slice(1).join('.')),
      ['cloud.1', 'ms44-pacs.1'],
    );
  });

  it('sends what is decided again nowhere that has a delivery of it on record', async () => {
    const made = rig();
    await route(made.parts, { event: tagged('MS44', { generation: 1, onRecord: ['cloud'] }) });
    assert.deepEqual(
      made.due.map(({ event }) => event.delivery.destination),
      ['ms44-pacs'],
    );
    const [told] = made.facts;
    assert.deepEqual(
      told?.deliveries.map(({ destination }) => destination),
      ['ms44-pacs'],
    );
    assert.deepEqual(
      told?.facilities.map(({ id }) => id),
      ['hub', 'ms44'],
    );
  });

  it('reads the mapping tag from the object, by its character set, when the event does not carry it', async () => {
    const event = readyInstance();
    const object = dicomObject([
      [0x00080005, 'CS', Buffer.from('ISO_IR 100')],
      [0x00080080, 'LO', Buffer.from('Klinikum S\u00fcd ', 'latin1')],
    ]);
    const made = rig(new Map([[event.instance.objectKey as string, object]]));
    await route(made.parts, { event });
    assert.deepEqual(
      made.due.map(({ event: due }) => due.delivery.destination),
      ['cloud', 'ms44-pacs'],
    );
  });

  it('reads it from the object as coerced, and the delivery names that object', async () => {
    const received = readyInstance();
    const { receiptId, digest, transferSyntaxUid } = received.instance;
    const object = { objectKey: objectKey(`derived/${receiptId}/coerced-1.dcm`), size: 1, digest, transferSyntaxUid };
    const coercion = { object, rules: ['coercion rule 1: set InstitutionName'] };
    const event = { ...received, compression: { ...received.compression, coercion } };
    const made = rig(new Map([[object.objectKey as string, dicomObject([[0x00080080, 'LO', Buffer.from('MS44')]])]]));
    await route(made.parts, { event });
    assert.deepEqual(
      made.due.map(({ event: due }) => [due.delivery.destination, due.delivery.coerced?.objectKey]),
      [
        ['cloud', object.objectKey],
        ['ms44-pacs', object.objectKey],
      ],
    );
  });

  it('does not read the object when the event carries the tag', async () => {
    const made = rig();
    await route(made.parts, { event: tagged('MS44') });
    assert.deepEqual(made.reads, []);
  });

  it('sends an object without the tag after its study', async () => {
    const { event, objects } = untagged();
    const made = rig(objects);
    await route(made.parts, { event: tagged('MS44') });
    await route(made.parts, { event });
    assert.deepEqual(
      made.facts[1]?.facilities.map(({ id }) => id),
      ['hub', 'ms44'],
    );
    assert.equal(made.facts[1]?.held, undefined);
  });

  it('holds an object without the tag while nothing is known of its study', async () => {
    const { event, objects } = untagged();
    const made = rig(objects);
    await route(made.parts, { event: readyInstance({ studyInstanceUid: '9.9', attributes: { InstitutionName: 'MS44' } }) });
    await route(made.parts, { event });
    assert.equal(made.facts[1]?.held?.reason, 'unmatched');
  });

  it('treats an object that cannot be parsed as one without the tag', async () => {
    const event = readyInstance();
    const made = rig(new Map([[event.instance.objectKey as string, Buffer.from('not a DICOM file')]]));
    await route(made.parts, { event });
    assert.deepEqual([made.due.length, made.facts[0]?.held?.reason], [1, 'unmatched']);
  });

  it('waits for a gateway document', async () => {
    const made = rig();
    await assert.rejects(route({ ...made.parts, revision: () => undefined }, { event: tagged('MS44') }), TransientError);
    assert.deepEqual(made.order, []);
  });

  it('fails for good when the store does not have the object that a rule needs', async () => {
    await assert.rejects(route(rig().parts, { event: readyInstance() }), ObjectMissing);
  });

  for (const failAt of [1, 2, 3])
    it(`comes back whole when publication ${failAt} of 3 is refused, with the same ids`, async () => {
      const made = rig();
      const event = tagged('MS44');
      made.failAt = failAt;
      await assert.rejects(route(made.parts, { event }), PublicationRefused);
      assert.deepEqual(made.facts, [], 'the decision is told only when every delivery is acknowledged');
      await route(made.parts, { event });
      assert.deepEqual([...new Set(made.due.map(({ options }) => options.messageId))].sort(), [
        `${event.instance.receiptId}.cloud.0`,
        `${event.instance.receiptId}.ms44-pacs.0`,
      ]);
      assert.equal(made.facts.length, 1);
    });

  it('tells an instance that can never be routed as quarantined', async () => {
    const made = rig();
    await quarantine(made.parts.bus, tagged('MS44'), new ObjectMissing('no object x', { cause: new Error('ENOENT') }));
    const [told] = made.facts as unknown as FactOf<'ledger.instance.quarantined'>[];
    assert.deepEqual([told?.type, told?.step, told?.reason], ['ledger.instance.quarantined', 'route', 'no object x: ENOENT']);
  });
});
