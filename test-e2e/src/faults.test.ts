// Bad days: garbage on the DICOM port, half a PDU, a wrong gateway document, a broker and a database that stop or freeze. Nobody restarts anything by hand.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import { encodeAssociateRequest } from '@causeway/shared/dicom/upper-layer/pdu-writer';
import { untilArrivedUnchanged } from './arrivals.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import { type GatewayUnderTest, isAlive, startGateway } from './gateway-under-test.ts';
import { type Sending, startSending } from './persistent-sender.ts';
import { freeze } from './process-tree.ts';
import { until } from './wait-for-fact.ts';

const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';
/** PDU types (PS3.8 section 9.3.1). */
const ASSOCIATE_AC = 2;
const ABORT = 7;

let gateway: GatewayUnderTest;
let client: ConsoleClient;
let document: ReturnType<typeof unchangedDocument>;

/** Nothing is changed on the way, so that digests can be compared. */
const unchangedDocument = (sandboxPort: number) => ({
  facilities: [{ id: 'main', match: [{}], destinations: ['sandbox'] }],
  destinations: [{ id: 'sandbox', kind: 'stow', url: `http://127.0.0.1:${sandboxPort}/dicom-web`, images: 'as-received' }],
});

before(async () => {
  const sandboxPort = await freePort();
  document = unchangedDocument(sandboxPort);
  gateway = await startGateway({ config: document, env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort) } });
  client = await signIn(gateway.pageUrl, gateway.firstPassword());
});
after(() => gateway?.stop());

const send = (instances: number): Sending => startSending({ port: gateway.ports.dicom, instances });

const untilConfirmed = (count: number): Promise<unknown> =>
  until(`${count} confirmed deliveries on the page`, async () => {
    const { studies } = await client.get<{ studies: { deliveries: Record<string, Record<string, number>> }[] }>('/api/studies');
    return studies.reduce((sum, { deliveries }) => sum + (deliveries.sandbox?.confirmed ?? 0), 0) === count;
  });

const logOf = (service: string): string => readFileSync(join(gateway.dataFolder, 'log', `${service}.log`), 'utf8');
let expected = 0;

/** Sends a study and sees it through to the ledger: the gateway is as well as before. */
async function goesOn(): Promise<void> {
  const sending = send(2);
  await sending.ended;
  await untilArrivedUnchanged(gateway.sandboxUrl, sending.accepted());
  expected += 2;
  await untilConfirmed(expected);
}

/** Sends each piece once the one before was answered, then closes; what the receiver answered altogether. */
async function answerTo(...pieces: Buffer[]): Promise<Buffer> {
  const socket = connect(gateway.ports.dicom, '127.0.0.1');
  const answers: Buffer[] = [];
  socket.on('data', (data: Buffer) => answers.push(data));
  socket.on('error', () => {});
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  for (const [at, piece] of pieces.entries()) {
    socket.write(piece);
    if (at < pieces.length - 1) await once(socket, 'data');
  }
  socket.end();
  await closed;
  return Buffer.concat(answers);
}

function associateRequest(): Buffer {
  return encodeAssociateRequest({
    ...{ calledAe: 'GATEWAY', callingAe: 'HALF', maxPduBytes: 16_384 },
    contexts: [{ id: 1, abstractSyntaxUid: CT_IMAGE_STORAGE, transferSyntaxUids: [EXPLICIT_LITTLE] }],
    implementation: { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME },
  });
}

describe('bytes that are no DICOM', () => {
  const receiverStays = async (logBefore: number, named: RegExp): Promise<void> => {
    await until(`a line in the receiver's log: ${named}`, () => named.test(logOf('receiver').slice(logBefore)));
    await goesOn();
  };

  it('garbage on the DICOM port is answered with A-ABORT and named in the log, and the next C-STORE works', async () => {
    const [pid, logBefore] = [gateway.pids().get('receiver')!, logOf('receiver').length];
    const answer = await answerTo(Buffer.from('GET / HTTP/1.1\r\nHost: gateway\r\n\r\n'));
    assert.equal(answer[0], ABORT, answer.toString('hex'));
    await receiverStays(logBefore, /"level":"warn".*"kind":"malformed-pdu".* at listener /);
    console.log(`the log says: ${logOf('receiver').slice(logBefore).split('\n')[0]}`);
    assert.equal(gateway.pids().get('receiver'), pid);
  });

  it('half an A-ASSOCIATE-RQ, and half a P-DATA-TF on an open association, cost their sender the connection and nobody else anything', async () => {
    const [pid, logBefore] = [gateway.pids().get('receiver')!, logOf('receiver').length];
    const request = associateRequest();
    assert.equal((await answerTo(request.subarray(0, request.length / 2))).length, 0);
    const halfData = Buffer.from('04000000100000000800010301020304', 'hex');
    const answer = await answerTo(request, halfData);
    assert.equal(answer[0], ASSOCIATE_AC, answer.toString('hex'));
    await receiverStays(logBefore, /"kind":"malformed-pdu"/);
    for (const line of logOf('receiver')
      .slice(logBefore)
      .split('\n')
      .filter((one) => one.includes('"malformed-pdu"')))
      console.log(`the log says: ${line}`);
    assert.equal(gateway.pids().get('receiver'), pid);
    assert.ok(isAlive(pid));
  });
});

describe('a wrong gateway document', () => {
  it('is refused by the API with every problem, and nothing changes', async () => {
    const wrong = {
      ...document,
      facilities: [{ id: 'NOT AN ID', match: [{}], destinations: ['nowhere'] }],
      lanes: [{ when: {}, lane: 'fast' }],
    };
    const before = await client.get<{ revision: number; published: number }>('/api/configuration');
    const { status, body } = await client.send<{ problems: { path: string; problem: string }[]; whatToDo: string }>(
      'PUT',
      '/api/configuration',
      {
        document: wrong,
      },
    );
    assert.equal(status, 422);
    const paths = body.problems.map(({ path }) => path);
    console.log(body.problems.map(({ path, problem }) => `${path} ${problem}`).join('\n'));
    for (const path of ['facilities[0].id', 'facilities[0].destinations[0]', 'lanes[0].lane'])
      assert.ok(paths.includes(path), paths.join(', '));
    assert.match(body.whatToDo, /stays in force/);
    const { revision, published } = await client.get<{ revision: number; published: number }>('/api/configuration');
    assert.deepEqual([revision, published], [before.revision, before.published]);
    await goesOn();
  });
});

describe('a stopped broker', () => {
  it('killed: it is started again by itself, senders may have to repeat, and everything acknowledged arrives', async () => {
    const pid = gateway.pids().get('nats-server')!;
    const sending = send(150);
    await until('some instances are accepted', () => sending.accepted().length >= 20);
    const began = performance.now();
    await gateway.killService('nats-server');
    await sending.ended;
    const accepted = sending.accepted();
    await untilArrivedUnchanged(gateway.sandboxUrl, accepted);
    expected += accepted.length;
    await untilConfirmed(expected);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${accepted.length} accepted, ${sending.repeated()} at a repeat; all in archive and ledger ${seconds} s after the kill`);
    assert.equal(accepted.length, 150);
    assert.notEqual(gateway.pids().get('nats-server'), pid);
  });
});

describe('a stopped database', () => {
  it('frozen: images sent meanwhile arrive in the archive, the page says what is wrong, and the ledger catches up', async () => {
    const thaw = freeze(gateway.pids().get('postgres')!);
    try {
      const sending = send(30);
      await sending.ended;
      await untilArrivedUnchanged(gateway.sandboxUrl, sending.accepted());
      expected += 30;
      await says503();
    } finally {
      thaw();
    }
    await untilConfirmed(expected);
    await gateway.untilReady();
  });

  it('killed: images sent meanwhile arrive, it is started again by itself, and the ledger catches up', async () => {
    const pid = gateway.pids().get('postgres')!;
    const sending = send(60);
    await until('some instances are accepted', () => sending.accepted().length >= 10);
    await gateway.killService('postgres');
    await sending.ended;
    await untilArrivedUnchanged(gateway.sandboxUrl, sending.accepted());
    expected += 60;
    await untilConfirmed(expected);
    assert.notEqual(gateway.pids().get('postgres'), pid);
    await gateway.untilReady();
  });

  async function says503(): Promise<void> {
    const began = performance.now();
    const words = await client.get('/api/studies').then(
      () => assert.fail('the API answered without its database'),
      (error: Error) => error.message,
    );
    console.log(`the API, after ${((performance.now() - began) / 1000).toFixed(1)} s: ${words}`);
    assert.match(words, /answered 503: .*PostgreSQL did not answer.*Receiving and delivering images does not depend on it/);
    assert.ok(performance.now() - began < 15_000, 'the API let its caller wait for long');
    const health = await fetch(`${gateway.pageUrl}/health/ready`);
    const text = await health.text();
    console.log(`/health/ready: ${health.status} ${text}`);
    assert.equal(health.status, 503);
    assert.match(text, /"ledger":\{"ready":false,"reasons":\["database: [^"]+"/);
    assert.equal((await fetch(`${gateway.pageUrl}/`)).status, 200);
  }
});
