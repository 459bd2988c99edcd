// What a negotiation record says, and that no peer can make it large or make it say anything else.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AcceptedAssociation } from '@causeway/shared/dicom/dimse/scp';
import type { ProposedContext } from '@causeway/shared/dicom/upper-layer/association';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { fact } from '@causeway/shared/events/facts';
import { describeConnection, describeEnded, describeRejected } from './describe-association.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';
const SUMMARY = {
  startedAt: new Date('2026-01-05T10:00:00Z'),
  maxPduBytes: 131_072,
  instances: 2,
  dataSetBytes: 900,
  responses: new Map([['C-STORE 0000', 2]]),
};
const RELEASED = { kind: 'released', detail: 'released by the peer' } as const;

const association = (contexts: ProposedContext[], more: Partial<AcceptedAssociation['request']> = {}): AcceptedAssociation => ({
  id: '0197a2c4-7b1e-4f00-8000-000000000001',
  request: {
    calledAe: 'GATEWAY',
    callingAe: 'CT1',
    contexts,
    maxPduBytes: 16_384,
    implementationClassUid: '1.2.276.0.7230010',
    implementationVersionName: 'OFFIS_DCMTK_367',
    roles: [],
    peer: { address: '10.1.0.7', port: 4711, listener: 'tls', tls: { protocol: 'TLSv1.3', subject: 'CN=ct1' } },
    ...more,
  },
  contexts: contexts.map(({ id, transferSyntaxUids }) => ({
    id,
    result: id === 1 ? 0 : 3,
    transferSyntaxUid: transferSyntaxUids[0] ?? '',
  })),
  roles: [],
});
const isFact = (record: object): void => void fact.parse({ ...newEnvelope(), type: 'ledger.association.ended', association: record });

describe('the negotiation record', () => {
  it('of an association has peer, titles, TLS, implementation, contexts proposed and accepted, counts and the end', () => {
    const contexts = [
      { id: 1, abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT] },
      { id: 3, abstractSyntaxUid: '1.2.3', transferSyntaxUids: [EXPLICIT] },
    ];
    const record = describeEnded(association(contexts), RELEASED, SUMMARY);
    isFact(record);
    const { endedAt: _, ...rest } = record;
    assert.deepEqual(rest, {
      id: '0197a2c4-7b1e-4f00-8000-000000000001',
      outcome: 'released',
      detail: 'released by the peer',
      count: 1,
      startedAt: '2026-01-05T10:00:00.000Z',
      source: '10.1.0.7',
      listener: 'tls',
      balancer: undefined,
      callingAe: 'CT1',
      calledAe: 'GATEWAY',
      tls: { protocol: 'TLSv1.3', subject: 'CN=ct1' },
      implementation: { classUid: '1.2.276.0.7230010', versionName: 'OFFIS_DCMTK_367' },
      contexts: [
        { ...contexts[0], result: 0, chosen: EXPLICIT },
        { ...contexts[1], result: 3 },
      ],
      maxPduBytes: { peer: 16_384, ours: 131_072 },
      instances: 2,
      dataSetBytes: 900,
      responses: { 'C-STORE 0000': 2 },
    });
  });

  it('of a rejected request has result, source, reason and why; of a connection what it did', () => {
    const { request } = association([{ id: 1, abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT] }]);
    const rejected = describeRejected(request, { result: 1, source: 1, reason: 7, because: 'called AE title is not one of ours' });
    isFact(rejected);
    assert.deepEqual(
      [rejected.outcome, rejected.reject, rejected.detail],
      ['rejected', { result: 1, source: 1, reason: 7 }, 'called AE title is not one of ours'],
    );
    assert.equal(rejected.contexts[0]!.result, undefined);
    const connection = describeConnection({ kind: 'tls-on-plain-port', source: '10.1.0.9', listener: 'lan', detail: 'a TLS ClientHello' });
    isFact(connection);
    assert.deepEqual([connection.outcome, connection.event, connection.source], ['no-association', 'tls-on-plain-port', '10.1.0.9']);
  });

  it('stays below 64 KB with 128 contexts of 300 syntaxes each, and repeats nothing that is no UID', () => {
    const syntax = `1.2.${'3'.repeat(60)}`;
    const contexts = Array.from({ length: 128 }, (_, n) => ({
      id: 2 * n + 1,
      abstractSyntaxUid: n === 0 ? 'MÜLLER^JÜRGEN' : syntax,
      transferSyntaxUids: Array.from({ length: 300 }, () => syntax),
    }));
    const peer = { address: '10.1.0.7', port: 1, listener: 'tls', tls: { subject: `CN=${'x'.repeat(5_000)}` } };
    const more = { implementationClassUid: 'MÜLLER^JÜRGEN', implementationVersionName: 'x'.repeat(200), peer };
    const record = describeEnded(association(contexts, more), { kind: 'timed-out', detail: 'x'.repeat(2_000) }, SUMMARY);
    isFact(record);
    const text = JSON.stringify(record);
    assert.ok(text.length < 64 * 1024, String(text.length));
    assert.ok(!text.includes('JÜRGEN'));
    assert.deepEqual([record.contexts[0]!.transferSyntaxUids.length, record.contexts[0]!.moreSyntaxes], [64, 236]);
    assert.deepEqual([record.contexts[127]!.transferSyntaxUids.length, record.contexts[127]!.moreSyntaxes], [0, 300]);
  });
});
