// What the page tells of the times of a destination.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { destinationTimes } from './destination-times.ts';

const NOON = Date.parse('2026-01-05T11:00:00Z');
const destination = (id: string, more: object) => ({ id, kind: 'stow', url: `http://${id}/`, ...more });
const document = parseGatewayDocument({
  gateway: { timeZone: 'Europe/Berlin' },
  destinations: [
    destination('plain', {}),
    destination('nights', { window: [{ from: '20:00', to: '06:00' }], bandwidth: [{ from: '07:00', to: '19:00', rate: '20Mbit/s' }] }),
    destination('always', { window: [{}], bandwidth: [{ from: '22:00', to: '23:00', rate: '1Mbit/s' }] }),
  ],
});

describe('the times of destinations', () => {
  it('tell what holds now and until when; a destination without any is absent', () => {
    assert.deepEqual(Object.fromEntries(destinationTimes(document, NOON)), {
      nights: {
        window: { open: false, until: new Date('2026-01-05T19:00Z') },
        bandwidth: { rate: 20_000_000, until: new Date('2026-01-05T18:00Z') },
      },
      always: { window: { open: true, until: null }, bandwidth: { rate: null, until: new Date('2026-01-05T21:00Z') } },
    });
  });
  it('are none without a document', () => {
    assert.equal(destinationTimes(undefined, NOON).size, 0);
  });
});
