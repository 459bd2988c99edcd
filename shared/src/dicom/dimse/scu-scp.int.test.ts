// Our requestor against our acceptor over real sockets.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../transfer-syntaxes.ts';
import { CT_IMAGE_STORAGE, startScp, TEST_IMPLEMENTATION, VERIFICATION } from './scp-for-tests.ts';
import { AssociationRejected, associate } from './scu.ts';

const CONTEXTS = [
  { id: 1, abstractSyntaxUid: VERIFICATION, transferSyntaxUids: [IMPLICIT_VR_LITTLE_ENDIAN] },
  { id: 3, abstractSyntaxUid: CT_IMAGE_STORAGE, transferSyntaxUids: [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN] },
  { id: 5, abstractSyntaxUid: '1.2.3.4', transferSyntaxUids: [IMPLICIT_VR_LITTLE_ENDIAN] },
];

function open(port: number, more: Partial<Parameters<typeof associate>[0]> = {}) {
  return associate({
    host: '127.0.0.1',
    port,
    callingAe: 'TESTER',
    calledAe: 'GATEWAY',
    contexts: CONTEXTS,
    implementation: TEST_IMPLEMENTATION,
    timeouts: { connectMs: 5000, associateMs: 5000, responseMs: 5000 },
    ...more,
  });
}

async function* chunks(...parts: Buffer[]) {
  yield* parts;
}

test('echo, store and release go through, and the data set arrives byte for byte', async () => {
  await using scp = await startScp();
  const association = await open(scp.port);
  assert.deepEqual([...association.refused], [[5, 3]]);
  assert.equal(association.accepted.get(3)?.transferSyntaxUid, EXPLICIT_VR_LITTLE_ENDIAN);
  assert.equal((await association.echo()).status, 0);
  const parts = [randomBytes(300_001), randomBytes(1), randomBytes(700_000)];
  const status = await association.store({
    contextId: 3,
    sopClassUid: CT_IMAGE_STORAGE,
    sopInstanceUid: '1.2.3.9',
    dataSet: chunks(...parts),
  });
  assert.equal(status.status, 0);
  await association.release();
  assert.equal(association.open, false);
  const [stored] = scp.stored;
  assert.equal(stored?.request.affectedSopInstanceUid, '1.2.3.9');
  assert.equal(stored?.sha256, createHash('sha256').update(Buffer.concat(parts)).digest('hex'));
  assert.deepEqual(await scp.nextEnd(), { kind: 'released', detail: 'released by the peer' });
  assert.equal(scp.openAssociations, 0);
});

test('a reject carries result, source and reason', async () => {
  await using scp = await startScp({ associationRequested: () => ({ result: 1, source: 1, reason: 7, because: 'test' }) });
  await assert.rejects(open(scp.port), (error) => {
    assert.ok(error instanceof AssociationRejected);
    assert.deepEqual([error.transient, error.source, error.reason], [false, 1, 7]);
    return true;
  });
});
