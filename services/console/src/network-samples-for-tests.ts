// Associations and storage commitment for the tests of page and API.
import { randomUUID } from 'node:crypto';
import { commitmentKey, uuidV7 } from '@causeway/shared/brands';
import { decideCommitment, takeCommitment } from '@causeway/shared/database/commitment-rows';
import type { Database } from '@causeway/shared/database/database';
import { sampleEnvelope } from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import type { AssociationRecord } from '@causeway/shared/events/association-record';
import type { Commitment } from '@causeway/shared/events/commitment';
import type { Fact } from '@causeway/shared/events/facts';

/** A modality that stores, a stranger, a health check, and TLS where none is spoken. */
export function associationFacts(): Fact[] {
  const nothing = { count: 1, contexts: [], instances: 0, dataSetBytes: 0, responses: {} };
  const at = { startedAt: '2026-01-05T10:00:00.000Z', endedAt: '2026-01-05T10:00:42.000Z' };
  const explicit = '1.2.840.10008.1.2.1';
  const records: Omit<AssociationRecord, 'id'>[] = [
    {
      ...at,
      ...{
        outcome: 'released',
        detail: 'released by the peer',
        count: 1,
        source: '10.1.0.7',
        listener: 'tls',
        callingAe: 'CT1',
        calledAe: 'GATEWAY',
      },
      ...{ instances: 312, dataSetBytes: 164_000_000, responses: { 'C-STORE 0000': 312, 'C-ECHO 0000': 1 } },
      tls: { protocol: 'TLSv1.3', subject: 'CN=ct1' },
      implementation: { classUid: '1.2.276.0.7230010.3.0.3.6.7', versionName: 'OFFIS_DCMTK_367' },
      maxPduBytes: { peer: 16_384, ours: 131_072 },
      contexts: [
        {
          id: 1,
          abstractSyntaxUid: '1.2.840.10008.5.1.4.1.1.2',
          transferSyntaxUids: [explicit, '1.2.840.10008.1.2'],
          result: 0,
          chosen: explicit,
        },
        { id: 3, abstractSyntaxUid: '1.2.840.10008.5.1.4.31', transferSyntaxUids: [explicit], result: 3 },
      ],
    },
    {
      ...{ ...nothing, ...at, outcome: 'rejected', detail: 'called AE title is not one of ours', source: '10.1.0.9', listener: 'lan' },
      ...{ callingAe: 'MR9', calledAe: 'OLDPACS', reject: { result: 1, source: 1, reason: 7 } },
    },
    {
      ...{ ...nothing, ...at, outcome: 'released', detail: 'released by the peer', source: '10.1.0.2', listener: 'lan' },
      ...{ count: 300, callingAe: 'HEALTH', calledAe: 'GATEWAY', responses: { 'C-ECHO 0000': 300 } },
    },
    {
      ...nothing,
      ...at,
      outcome: 'no-association',
      event: 'tls-on-plain-port',
      detail: 'a TLS ClientHello',
      source: '10.1.0.11',
      listener: 'lan',
    },
  ];
  return records.map((record, n) => ({
    ...sampleEnvelope(n),
    type: 'ledger.association.ended',
    association: { id: randomUUID(), ...record },
  }));
}

/** Decided, and without an address to tell it to. */
export async function undeliverableCommitment(database: Database): Promise<Commitment> {
  const id = uuidV7();
  const now = new Date();
  const about = { id, transactionUid: '1.2.9', callingAe: 'CT1', calledAe: 'GATEWAY', source: '10.1.0.7', requestedAt: now.toISOString() };
  const association = { id: randomUUID(), replica: randomUUID() };
  const commitment: Commitment = { ...about, association, requestKey: commitmentKey(id, 'request'), references: 2 };
  const failures = [{ sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid: '1.2.3.4.5', reason: 0x0112 }];
  await takeCommitment(database, { commitment, referencesDigest: 'x', after: 'delivered', deadlineAt: now, now });
  await decideCommitment(database, id, { answerKey: commitmentKey(id, 'result-1'), committed: 1, failed: 1, failures, now });
  const reason = 'the gateway document has no commitment address for CT1';
  const told: Fact = { ...sampleEnvelope(1), type: 'ledger.commitment.reported', commitment, attempt: 1, outcome: 'no-address', reason };
  await applyFacts(database, [told]);
  return commitment;
}
