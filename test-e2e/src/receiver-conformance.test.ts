// The receiver's part of CONFORMANCE.md by bytes, against the real process: statuses, negotiation policy, limits, tolerated defects; changed while it runs.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import type { CommandFields } from '@causeway/shared/dicom/dimse/command-set';
import { extendedItem, identityItem, roleItem, windowItem, withUserInformation } from '@causeway/shared/dicom/dimse/conformance-for-tests';
import {
  associateRaw,
  associateRq,
  COMMAND,
  connectRaw,
  dataPdu,
  echoRq,
  LAST_DATA,
  pdv,
  type RawPeer,
  storeRq,
} from '@causeway/shared/dicom/dimse/raw-peer-for-tests';
import { encodeElement } from '@causeway/shared/dicom/part10/element';
import { decodeAssociateAccept } from '@causeway/shared/dicom/upper-layer/associate-decoder';
import { encodeReleaseRequest } from '@causeway/shared/dicom/upper-layer/pdu-writer';
import { canaryInstance } from './canary-instances.ts';
import { auditCustody } from './custody-audit.ts';
import { type ReceiverUnderTest, startReceiver } from './receiver-under-test.ts';
import { until } from './wait-for-fact.ts';

const MAIN = {
  facilities: [{ id: 'main', match: [{}], destinations: ['archive'] }],
  destinations: [{ id: 'archive', kind: 'stow', url: 'http://127.0.0.1:1/dicom-web' }],
};
const CT = '1.2.840.10008.5.1.4.1.1.2';
const GROUP_2 = encodeElement({ tag: 0x00020010, vr: 'UI', value: Buffer.from('1.2.840.10008.1.2.1\0') });

interface Answer {
  readonly status: string;
  readonly comment: string;
}

/** `command`: the SOP Instance UID that it says, or more of its fields. */
async function store(peer: RawPeer, dataSet: Buffer, command: string | CommandFields): Promise<Answer> {
  const fields = typeof command === 'string' ? { affectedSopInstanceUid: command } : command;
  peer.send(dataPdu(pdv(3, COMMAND, storeRq(1, fields))), dataPdu(pdv(3, LAST_DATA, dataSet)));
  const response = await peer.nextResponse();
  return { status: response.status.toString(16).padStart(4, '0'), comment: response.command.text('errorComment') };
}

describe('the receiver by bytes', () => {
  let receiver: ReceiverUnderTest;
  let revision = 1;
  before(async () => {
    receiver = await startReceiver();
  });
  after(() => receiver?.stop());

  const open: RawPeer[] = [];
  afterEach(() => {
    for (const peer of open.splice(0)) peer.socket.destroy();
  });
  const associated = async (): Promise<RawPeer> => {
    const peer = await associateRaw(receiver.port);
    open.push(peer);
    return peer;
  };
  const configure = (document: object): Promise<void> => publishGatewayDocument(receiver.bus, ++revision, { ...MAIN, ...document });
  /** The result, source and reason of an A-ASSOCIATE-RJ in hex, or the type of what came instead; the association is released again. */
  const asked = async (request = associateRq()): Promise<string> => {
    const peer = await connectRaw(receiver.port);
    peer.send(request);
    const answer = await peer.next();
    peer.socket.destroy();
    return answer === 'closed' ? answer : answer.type === 3 ? answer.body.subarray(1).toString('hex') : `type ${answer.type}`;
  };
  const metric = async (limit: string): Promise<number> => {
    const text = await (await fetch(`${receiver.opsUrl}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith('causeway_receiver_limits_reached') && one.includes(`limit="${limit}"`));
    return line === undefined ? 0 : Number(line.split(' ').at(-1));
  };

  const { dataSet, sopInstanceUid } = canaryInstance();
  const STATUSES: [name: string, status: string, comment: RegExp, send: (peer: RawPeer) => Promise<Answer>][] = [
    ['an instance', '0000', /^$/, (peer) => store(peer, dataSet, sopInstanceUid)],
    ['the same instance again', '0000', /^$/, (peer) => store(peer, dataSet, sopInstanceUid)],
    ['a SOP Instance UID of other characters', '0117', /not a UID/, (peer) => store(peer, dataSet, '1.2.x')],
    ['another SOP Instance UID in the command', 'a900', /differs from the command's/, (peer) => store(peer, dataSet, '1.2.3')],
    [
      'another SOP Class UID than that of its context',
      'a900',
      /not that of its context/,
      (peer) => store(peer, dataSet, { affectedSopClassUid: '1.2.840.10008.5.1.4.1.1.4' }),
    ],
    ['no SOP Instance UID in the command', 'a900', /no Affected SOP Instance UID/, (peer) => store(peer, dataSet, '')],
    [
      'a data set without SOP Class UID',
      'a900',
      /SOP Class UID is missing/,
      (peer) => store(peer, dataSet.subarray(dataSet.length - 524), '1.2.3'),
    ],
    [
      'group 2 in the data set',
      'c000',
      /tolerate: group2-in-dataset/,
      (peer) => store(peer, Buffer.concat([GROUP_2, dataSet]), sopInstanceUid),
    ],
    ['a data set that ends within an element', 'c000', /cannot be parsed/, (peer) => store(peer, dataSet.subarray(0, -1), sopInstanceUid)],
    ['a data set in another syntax', 'c000', /cannot be parsed/, (peer) => store(peer, Buffer.alloc(64, 0xee), sopInstanceUid)],
  ];
  for (const [name, status, comment, send] of STATUSES)
    it(`answers ${name} with ${status}`, async () => {
      const peer = await associated();
      const answer = await send(peer);
      assert.equal(answer.status, status, answer.comment);
      assert.match(answer.comment, comment);
      peer.send(encodeReleaseRequest());
      assert.equal(await peer.nextHex(), '6 00000000', 'and the association goes on');
    });

  it('keeps an instance whose sender was lost before the answer, and takes its repeat', async () => {
    const instance = canaryInstance();
    const lost = await associated();
    lost.send(
      dataPdu(pdv(3, COMMAND, storeRq(1, { affectedSopInstanceUid: instance.sopInstanceUid }))),
      dataPdu(pdv(3, LAST_DATA, instance.dataSet)),
    );
    lost.socket.end();
    await lost.closed;
    assert.equal((await store(await associated(), instance.dataSet, instance.sopInstanceUid)).status, '0000');
  });

  it('answers what is proposed in the user information as CONFORMANCE.md says', async () => {
    const peer = await connectRaw(receiver.port);
    open.push(peer);
    const proposals = [
      windowItem(8, 8),
      roleItem(CT, 1, 1),
      extendedItem(CT, Buffer.from([2, 0, 3, 0, 1, 0])),
      identityItem({ type: 1, asks: true, primary: 'ZQX7KVUSER' }),
    ];
    peer.send(withUserInformation(associateRq(), ...proposals));
    const answer = await peer.next();
    assert.ok(answer !== 'closed' && answer.type === 2);
    const accept = decodeAssociateAccept(answer.body);
    assert.deepEqual(accept.asynchronousWindow, { invoked: 1, performed: 1 });
    assert.deepEqual(accept.roles, [{ sopClassUid: CT, scu: true, scp: false }]);
    assert.deepEqual(accept.extendedNegotiations, [{ sopClassUid: CT, information: Buffer.from([2, 0, 3, 0, 0, 0]) }]);
    assert.deepEqual(accept.userIdentityResponse, Buffer.alloc(0));
    assert.equal(accept.maxPduBytes, 131_072);
    assert.equal(receiver.log().includes('ZQX7KVUSER'), false);
  });

  it('rejects by name, and takes changes of the gateway document without a restart', async () => {
    const strange = associateRq();
    strange.write('NOBODY          ', 10, 'latin1');
    assert.equal(await asked(strange), '010107');
    await configure({ gateway: { callers: [{ callingAe: 'SOMEBODY' }] } });
    await until('only one caller is left', async () => (await asked()) === '010103');
    assert.ok((await metric('callers')) > 0);
    await configure({ negotiation: { sopClasses: ['mr'] } });
    await until('anybody may call again', async () => (await asked()) === 'type 2');
    const peer = await connectRaw(receiver.port);
    open.push(peer);
    peer.send(associateRq());
    const answer = await peer.next();
    assert.ok(answer !== 'closed');
    assert.deepEqual(
      decodeAssociateAccept(answer.body).contexts.map(({ result }) => result),
      [0, 3],
    );
  });

  it('lets the defects of one sender pass, with its own PDU length, and stores them as they came', async () => {
    const instance = canaryInstance();
    const bytes = Buffer.concat([GROUP_2, instance.dataSet]);
    await configure({
      negotiation: { callers: [{ callingAe: 'RAW', maxPduBytes: 4096, tolerate: ['group2-in-dataset', 'uid-mismatch'] }] },
    });
    await until('the sender has its quirks', async () => {
      const peer = await associated();
      const { status } = await store(peer, bytes, '1.2.3.4');
      peer.socket.destroy();
      return status === '0000';
    });
    const peer = await associated();
    peer.send(dataPdu(pdv(3, LAST_DATA, Buffer.alloc(4091))));
    assert.equal(await peer.nextHex(), '7 00000206');
    await until('the limit is counted', async () => (await metric('maxPduBytes')) > 0);
    assert.match(receiver.log(), /P-DATA-TF of 4097 bytes, our limit is 4096/);
  });

  it('rejects transiently beyond its limits, each named with its number and counted', async () => {
    await configure({ limits: { associationsPerSource: 1, artim: '1s', idle: '1s' } });
    await until('the limits are in force', async () => {
      const held = await associated().catch(() => undefined);
      const answer = await asked();
      held?.socket.destroy();
      return answer === '020302';
    });
    assert.match(receiver.log(), /\d+ associations are open from there, the limit is 1 \(associationsPerSource\)/);
    assert.ok((await metric('associationsPerSource')) > 0);
    await configure({ limits: { associations: 1, artim: '1s', idle: '1s' } });
    await until('the limit on all associations is the one that says no', async () => {
      const held = await associated().catch(() => undefined);
      await asked();
      held?.socket.destroy();
      return /\d+ associations are open, the limit is 1 \(associations\)/.test(receiver.log());
    });
    assert.ok((await metric('associations')) > 0);
    const silent = await connectRaw(receiver.port);
    assert.equal(await silent.next(), 'closed');
    await until('ARTIM is counted', async () => (await metric('artim')) > 0);
    await until('nothing is open any more', async () => (await asked()) === 'type 2');
    const idle = await until('one association', async () => associated().catch(() => false as const));
    assert.equal(await idle.nextHex(), '7 00000000');
    await until('the idle association is counted', async () => (await metric('idle')) > 0);
  });

  it('under overload answers A700 on open associations, rejects new ones 2,3,1, and takes work again by itself', async () => {
    await configure({});
    await until('the limits are wide again', async () => {
      const [one, two] = await Promise.allSettled([associated(), associated()]);
      return one.status === 'fulfilled' && two.status === 'fulfilled';
    });
    const peer = await associated();
    await configure({ admission: { freeSpaceBelow: '1000TiB' } });
    await until('new associations are turned away', async () => (await asked()) === '020301');
    const instance = canaryInstance();
    const { status, comment } = await store(peer, instance.dataSet, instance.sopInstanceUid);
    assert.deepEqual([status, /free space watermark of \d+ MiB/.test(comment)], ['a700', true]);
    assert.ok((await metric('freeSpaceBelow')) > 1);
    peer.send(dataPdu(pdv(1, COMMAND, echoRq(2))));
    assert.equal((await peer.nextResponse()).status, 0, 'an echo is answered all the same');
    await configure({});
    await until('it takes work again', async () => (await store(peer, instance.dataSet, instance.sopInstanceUid)).status === '0000');
  });

  it('has in custody what it acknowledged, whole', async () => {
    const { events, orphans } = await auditCustody(receiver.bus, receiver.objects, []);
    assert.ok(events.some(({ instance }) => instance.sopInstanceUid === sopInstanceUid));
    assert.equal(
      events.some(({ instance }) => instance.sopInstanceUid === '1.2.3.4'),
      false,
      'identity is what the data set says',
    );
    assert.deepEqual(orphans, []);
  });
});
