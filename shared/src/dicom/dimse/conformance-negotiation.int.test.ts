// Negotiation by bytes: each item of PS3.8 section 9.3.2 and PS3.7 Annex D.3.3, proposed in every way, and what is answered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAssociateAccept } from '../upper-layer/associate-decoder.ts';
import type { AssociationRequest, ProposedContext } from '../upper-layer/association.ts';
import {
  acceptedUserInformation,
  commonExtendedItem,
  counted,
  extendedItem,
  identityItem,
  item,
  roleItem,
  windowItem,
  withLength,
  withUserInformation,
} from './conformance-for-tests.ts';
import {
  associateRaw,
  associateRq,
  COMMAND,
  connectRaw,
  dataPdu,
  echoRq,
  LAST_DATA,
  pdv,
  RAW_CONTEXTS,
  storeRq,
} from './raw-peer-for-tests.ts';
import type { AssociationAcceptance } from './scp.ts';
import { CT_IMAGE_STORAGE, startScp, TEST_IMPLEMENTATION, VERIFICATION } from './scp-for-tests.ts';

/** An SCP that keeps what it was asked, and accepts every context with its first syntax and what else the test says. */
function startAccepting(acceptance: Omit<AssociationAcceptance, 'contexts'> = {}) {
  const asked: AssociationRequest[] = [];
  const scp = startScp({
    associationRequested: (request) => {
      asked.push(request);
      const contexts = request.contexts.map(({ id, transferSyntaxUids: [first] }) =>
        first === undefined ? { id, result: 4 as const, transferSyntaxUid: '' } : { id, result: 0 as const, transferSyntaxUid: first },
      );
      return { contexts, ...acceptance };
    },
  });
  return scp.then((started) => Object.assign(started, { asked }));
}

test('an asynchronous window is answered with 1/1 if it is proposed, whatever it says, and else not at all', async () => {
  await using scp = await startAccepting();
  assert.equal((await acceptedUserInformation(scp.port)).answers.has(0x53), false);
  for (const [invoked, performed] of [
    [0, 0],
    [1, 1],
    [5, 300],
  ] as const) {
    const { answers } = await acceptedUserInformation(scp.port, windowItem(invoked, performed));
    assert.deepEqual(answers.get(0x53), [Buffer.from([0, 1, 0, 1])]);
    assert.deepEqual(scp.asked.at(-1)?.asynchronousWindow, { invoked, performed });
  }
});

test('roles are answered for the SOP classes that were asked for and decided on, and for no others', async () => {
  await using scp = await startAccepting({
    roles: [
      { sopClassUid: CT_IMAGE_STORAGE, scu: true, scp: false },
      { sopClassUid: '1.2.3', scu: false, scp: true },
    ],
  });
  const { answers } = await acceptedUserInformation(
    scp.port,
    roleItem('1.2.9', 1, 1),
    roleItem('1.2.3', 0, 1),
    roleItem(CT_IMAGE_STORAGE, 1, 1),
  );
  assert.deepEqual(answers.get(0x54), [roleItem('1.2.3', 0, 1).subarray(4), roleItem(CT_IMAGE_STORAGE, 1, 0).subarray(4)]);
  assert.equal((await acceptedUserInformation(scp.port)).answers.has(0x54), false);
});

test('a role that was not proposed is never granted', async () => {
  await using scp = await startAccepting({ roles: [{ sopClassUid: '1.2.3', scu: true, scp: true }] });
  const peer = await connectRaw(scp.port);
  peer.send(withUserInformation(associateRq(), roleItem('1.2.3', 1, 0)));
  assert.equal(await peer.nextHex(), '3 00020301');
});

test('extended negotiation is answered for classes that proposed it, and common extended negotiation never', async () => {
  const information = Buffer.from([2, 0, 3, 0, 0, 0]);
  await using scp = await startAccepting({ extendedNegotiations: ['1.2.3', '1.2.4'].map((sopClassUid) => ({ sopClassUid, information })) });
  const items = [
    extendedItem('1.2.3', Buffer.from('ab')),
    extendedItem('1.2.5', Buffer.alloc(0)),
    commonExtendedItem('1.2.3', '1.2', ['1.2.6', '1.2.7']),
  ];
  const { answers } = await acceptedUserInformation(scp.port, ...items);
  assert.deepEqual(answers.get(0x56), [extendedItem('1.2.3', information).subarray(4)]);
  assert.equal(answers.has(0x57), false);
  const [asked] = scp.asked;
  assert.deepEqual(asked?.extendedNegotiations?.[0], { sopClassUid: '1.2.3', information: Buffer.from('ab') });
  assert.deepEqual(asked?.commonExtendedNegotiations, [
    { sopClassUid: '1.2.3', serviceClassUid: '1.2', relatedGeneralSopClassUids: ['1.2.6', '1.2.7'] },
  ]);
});

for (const [type, username] of [
  [1, 'anna'],
  [2, 'anna'],
  [3, undefined],
  [4, undefined],
  [5, undefined],
  [9, undefined],
] as const)
  test(`a user identity of type ${type} reaches the handler as ${username ?? 'a type alone'}, and no secret with it`, async () => {
    await using scp = await startAccepting({ userIdentityResponse: Buffer.alloc(0) });
    const primary = username ?? 'SECRET';
    const asks = await acceptedUserInformation(scp.port, identityItem({ type, asks: true, primary, secondary: 'SECRET' }));
    assert.deepEqual(asks.answers.get(0x59), [Buffer.from([0, 0])], 'a positive response with nothing to return');
    assert.deepEqual(scp.asked[0]?.userIdentity, { type, positiveResponseRequested: true, ...(username && { username }) });
    assert.equal(JSON.stringify(scp.asked).includes('SECRET'), false);
    const { answers } = await acceptedUserInformation(scp.port, identityItem({ type, asks: false, primary }));
    assert.equal(answers.has(0x59), false, 'nobody asked');
  });

test('a user identity that is not accepted has no answer', async () => {
  await using scp = await startAccepting();
  const { answers } = await acceptedUserInformation(scp.port, identityItem({ type: 1, asks: true, primary: 'anna' }));
  assert.equal(answers.has(0x59), false);
});

test('sub-items and items of unknown type are ignored', async () => {
  await using scp = await startAccepting();
  const { peer, answers } = await acceptedUserInformation(
    scp.port,
    item(0x5a, Buffer.from('??')),
    item(0x99, Buffer.alloc(0)),
    windowItem(2, 2),
  );
  assert.deepEqual([...answers.keys()], [0x51, 0x52, 0x53, 0x55]);
  assert.equal(answers.get(0x52)?.[0]?.toString(), TEST_IMPLEMENTATION.classUid);
  assert.equal(answers.get(0x55)?.[0]?.toString(), TEST_IMPLEMENTATION.versionName);
  peer.send(dataPdu(pdv(1, COMMAND, echoRq(1))));
  assert.equal((await peer.nextResponse()).status, 0);
  await associateRaw(scp.port, withLength(Buffer.concat([associateRq(), item(0x77, Buffer.from('??'))])));
});

const BROKEN: [name: string, request: Buffer][] = [
  ['a window of 3 bytes', withUserInformation(associateRq(), item(0x53, Buffer.alloc(3)))],
  ['a role without its bytes', withUserInformation(associateRq(), item(0x54, counted('1.2.3')))],
  ['an extended negotiation whose UID passes its end', withUserInformation(associateRq(), item(0x56, Buffer.from([0, 9, 0x31])))],
  [
    'a common extended negotiation whose list passes its end',
    withUserInformation(associateRq(), item(0x57, Buffer.from('0001310001310009', 'hex'))),
  ],
  ['a user identity whose field passes its end', withUserInformation(associateRq(), item(0x58, Buffer.from([1, 1, 0, 9])))],
  ['a maximum length of 2 bytes', shortMaximum()],
  ['an even context id', associateRq([{ ...RAW_CONTEXTS[0]!, id: 2 }])],
  ['a context id twice', associateRq([RAW_CONTEXTS[0]!, RAW_CONTEXTS[0]!])],
];

/** With a first maximum length item that is too short. */
function shortMaximum(): Buffer {
  const request = associateRq();
  const at = request.indexOf(Buffer.from('51000004', 'hex'));
  return withLength(Buffer.concat([request.subarray(0, at + 3), Buffer.from([2]), request.subarray(at + 4)]));
}

for (const [name, request] of BROKEN)
  test(`${name} is an invalid PDU: A-ABORT, and nobody is asked (AA-1)`, async () => {
    await using scp = await startScp({ associationRequested: () => assert.fail('asked') });
    const peer = await connectRaw(scp.port);
    peer.send(request);
    assert.equal(await peer.nextHex(), '7 00000000');
  });

test('one abstract syntax in several contexts is several encodings, and each C-STORE is in that of its context', async () => {
  const syntaxes = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.4.70'];
  const contexts: ProposedContext[] = syntaxes.map((uid, at) => ({
    id: 9 - 4 * at,
    abstractSyntaxUid: CT_IMAGE_STORAGE,
    transferSyntaxUids: [uid],
  }));
  contexts.push({ id: 3, abstractSyntaxUid: VERIFICATION, transferSyntaxUids: [] });
  await using scp = await startAccepting();
  const peer = await connectRaw(scp.port);
  peer.send(associateRq(contexts));
  const answer = await peer.next();
  assert.ok(answer !== 'closed' && answer.type === 2);
  assert.deepEqual(
    decodeAssociateAccept(answer.body).contexts.map(({ id, result }) => [id, result]),
    [
      [9, 0],
      [5, 0],
      [1, 0],
      [3, 4],
    ],
  );
  for (const { id } of contexts.slice(0, 3).reverse()) {
    peer.send(dataPdu(pdv(id, COMMAND, storeRq(id)), pdv(id, LAST_DATA, Buffer.from('ab'))));
    assert.equal((await peer.nextResponse()).status, 0);
  }
  assert.deepEqual(scp.stored.map(({ request }) => request.transferSyntaxUid).reverse(), syntaxes);
  peer.send(dataPdu(pdv(3, COMMAND, echoRq(9))));
  assert.equal(await peer.nextHex(), '7 00000206', 'a context that was refused is no context');
});

test('the length of PDUs that was agreed on with one peer holds for it, and is announced to it', async () => {
  await using scp = await startAccepting({ maxPduBytes: 4096 });
  const { peer, answers } = await acceptedUserInformation(scp.port);
  assert.equal(answers.get(0x51)?.[0]?.readUInt32BE(), 4096);
  peer.send(dataPdu(pdv(3, COMMAND, storeRq(1))), dataPdu(pdv(3, LAST_DATA, Buffer.alloc(4090))));
  assert.equal((await peer.nextResponse()).status, 0);
  peer.send(dataPdu(pdv(3, COMMAND, storeRq(2))), dataPdu(pdv(3, LAST_DATA, Buffer.alloc(4091))));
  assert.equal(await peer.nextHex(), '7 00000206');
  const event = await scp.nextEvent();
  assert.deepEqual([event.limit, event.detail], ['maxPduBytes', 'P-DATA-TF of 4097 bytes, our limit is 4096 (PS3.8 D.1)']);
});

test('the idle time that was agreed on with one peer holds for it', async () => {
  await using scp = await startAccepting({ idleMs: 300 });
  const { peer } = await acceptedUserInformation(scp.port);
  assert.equal(await peer.nextHex(), '7 00000000');
  assert.deepEqual(await scp.nextEnd(), { kind: 'timed-out', detail: 'idle: nothing came for 300 ms' });
});
