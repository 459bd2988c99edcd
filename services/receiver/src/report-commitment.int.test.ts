// Storage commitment results told on new associations, to modalities that behave well and badly.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { commitmentKey, uuidV7 } from '@causeway/shared/brands';
import { RecordingBus } from '@causeway/shared/bus/recording-bus-for-tests';
import { defaultGatewayDocument, parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { NO_DATA_SET } from '@causeway/shared/dicom/dimse/command-elements';
import { CommandSet, encodeCommandSet } from '@causeway/shared/dicom/dimse/command-set';
import { COMMAND, dataPdu, pdv, RawPeer } from '@causeway/shared/dicom/dimse/raw-peer-for-tests';
import { decodeAssociateRequest } from '@causeway/shared/dicom/upper-layer/associate-decoder';
import { PDU_TYPE } from '@causeway/shared/dicom/upper-layer/pdu-fields';
import { encodeAssociateAccept } from '@causeway/shared/dicom/upper-layer/pdu-writer';
import type { CommitmentAnswer } from '@causeway/shared/events/commitment';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { FactOf } from '@causeway/shared/events/facts';
import { createLogger } from '@causeway/shared/logger';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import { writeJsonObject } from '@causeway/shared/object-store/json-objects';
import { reportCommitment } from './report-commitment.ts';

const PUSH_MODEL = '1.2.840.10008.1.20.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const log = createLogger('receiver', 'silent');
const document = parseGatewayDocument(defaultGatewayDocument('http://127.0.0.1:1/dicom-web'));

let folder: string;
let store: Awaited<ReturnType<typeof openFolderStore>>;
let bus: RecordingBus;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'causeway-results-'));
  store = await openFolderStore(folder);
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  bus = new RecordingBus();
});

type Outcome = Pick<FactOf<'ledger.commitment.reported'>, 'outcome' | 'association'> & { reason?: string };
type Behaviour = 'accepts' | 'answers 0110' | 'refuses the context' | 'refuses the role' | 'leaves the role out' | 'rejects' | 'hangs up';

describe('a storage commitment result', () => {
  /** Told to a modality that behaves so; resolves with the fact that is published, and with whether the modality heard it. */
  async function tell(behaviour: Behaviour): Promise<Outcome & { heard: boolean }> {
    let heard = false;
    const server = createServer(async (socket) => {
      const peer = new RawPeer(socket);
      const request = await peer.next();
      if (request === 'closed' || behaviour === 'hangs up') return socket.destroy();
      const { addressing, contexts, roles } = decodeAssociateRequest(request.body);
      assert.deepEqual(roles, [{ sopClassUid: PUSH_MODEL, scu: false, scp: true }]);
      if (behaviour === 'rejects') return peer.send(Buffer.from([PDU_TYPE.associateRj, 0, 0, 0, 0, 4, 0, 1, 1, 7]));
      const result = behaviour === 'refuses the context' ? 3 : 0;
      const answered = contexts.map(({ id, transferSyntaxUids }) => ({
        id,
        result: result as 0 | 3,
        transferSyntaxUid: transferSyntaxUids[0]!,
      }));
      const answeredRoles =
        behaviour === 'leaves the role out' ? [] : roles.map((role) => ({ ...role, scp: behaviour !== 'refuses the role' }));
      peer.send(
        encodeAssociateAccept({
          addressing,
          contexts: answered,
          roles: answeredRoles,
          maxPduBytes: 0,
          implementation: { classUid: '1.2', versionName: 'X' },
        }),
      );
      const event = await peer.next();
      if (event === 'closed' || event.type !== PDU_TYPE.pDataTf) return socket.destroy();
      await peer.next();
      heard = true;
      const status = behaviour === 'answers 0110' ? 0x0110 : 0;
      const messageIdBeingRespondedTo = CommandSet.decode(event.body).number('messageId');
      peer.send(
        dataPdu(
          pdv(1, COMMAND, encodeCommandSet({ commandField: 0x8100, messageIdBeingRespondedTo, commandDataSetType: NO_DATA_SET, status })),
        ),
      );
      await peer.next();
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port: listening } = server.address() as { port: number };
    const known = {
      ...document,
      commitment: [{ callingAe: 'CT1', host: '127.0.0.1', port: listening, after: 'custody' as const, deadline: 1 }],
    };
    await reportCommitment({ bus, store, log, document: () => known, reporterOf: () => undefined }, await answer());
    server.close();
    const { outcome, association, reason } = bus.facts[0] as FactOf<'ledger.commitment.reported'>;
    return { outcome, association, reason, heard };
  }

  async function answer(callingAe = 'CT1'): Promise<CommitmentAnswer> {
    const id = uuidV7();
    const answerKey = commitmentKey(id, 'result-1');
    await writeJsonObject(store, answerKey, { transactionUid: '1.2.9', sopClassUids: [CT], committed: [[0, '1.2.3']], failed: [] });
    const association = { id: '0197a2c4-7b1e-4f00-8000-000000000001', replica: '0197a2c4-7b1e-4f00-8000-000000000002' };
    const about = {
      id,
      transactionUid: '1.2.9',
      callingAe,
      calledAe: 'GATEWAY',
      source: '127.0.0.1',
      requestedAt: new Date().toISOString(),
    };
    return {
      ...newEnvelope(),
      type: 'commitment.answer',
      commitment: { ...about, association, requestKey: commitmentKey(id, 'request'), references: 1 },
      answerKey,
      attempt: 1,
    };
  }

  const expected: [Behaviour, Outcome['outcome'], boolean, RegExp?][] = [
    ['accepts', 'reported', true],
    ['leaves the role out', 'reported', true],
    ['answers 0110', 'refused', true, /answered 0110/],
    ['refuses the role', 'refused', false, /role/],
    ['refuses the context', 'refused', false, /presentation context/],
    ['rejects', 'unreachable', false, /rejected: result 1, source 1, reason 7/],
    ['hangs up', 'unreachable', false],
  ];
  for (const [behaviour, outcome, isHeard, named] of expected)
    it(`to a modality that ${behaviour} is ${outcome}`, async () => {
      const told = await tell(behaviour);
      assert.deepEqual([told.outcome, told.association, told.heard], [outcome, 'new', isHeard]);
      if (named) assert.match(told.reason ?? '', named);
    });

  it('to an AE title without an address says so', async () => {
    await reportCommitment({ bus, store, log, document: () => document, reporterOf: () => undefined }, await answer('NOBODY'));
    assert.equal((bus.facts[0] as FactOf<'ledger.commitment.reported'>).outcome, 'no-address');
  });
});
