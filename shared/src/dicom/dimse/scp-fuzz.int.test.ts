// Mutated PDU streams, seeded: the reader and a real SCP must survive, answer the next peer, and leave no sink half open.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAssociateAccept, decodeAssociateRequest } from '../upper-layer/associate-decoder.ts';
import { PduError, PduReader } from '../upper-layer/pdu-reader.ts';
import { encodeAbort, encodeReleaseRequest } from '../upper-layer/pdu-writer.ts';
import { commonExtendedItem, extendedItem, identityItem, roleItem, windowItem, withUserInformation } from './conformance-for-tests.ts';
import { MessageAssembler } from './message-assembler.ts';
import { associateRaw, associateRq, COMMAND, connectRaw, dataPdu, echoRq, pdv, RAW_CONTEXTS, storeMessage } from './raw-peer-for-tests.ts';
import { startScp } from './scp-for-tests.ts';

/** Mulberry32: small, seeded, good enough to mutate bytes. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** With every item of user information. */
const FULL_REQUEST = withUserInformation(
  associateRq(),
  windowItem(5, 5),
  roleItem('1.2.3', 1, 1),
  extendedItem('1.2.3', Buffer.alloc(6, 2)),
  commonExtendedItem('1.2.3', '1.2.840.10008.4.2', ['1.2.4', '1.2.5']),
  identityItem({ type: 2, asks: true, primary: 'user', secondary: 'passcode' }),
);

const PIECES = [
  associateRq(),
  associateRq(RAW_CONTEXTS, 0),
  FULL_REQUEST,
  dataPdu(pdv(1, COMMAND, echoRq(1))),
  storeMessage(2, Buffer.alloc(3000, 7), 1000),
  storeMessage(3, Buffer.alloc(3001, 8), 3001),
  storeMessage(4, Buffer.alloc(0)),
  dataPdu(pdv(3, 1, Buffer.alloc(0)), pdv(3, 2, Buffer.alloc(10))),
  encodeReleaseRequest(),
  encodeAbort(2, 0),
];
const INTERESTING = [0, 1, 2, 3, 4, 5, 6, 7, 0x10, 0x20, 0x30, 0x40, 0x50, 0x7f, 0x80, 0xff];

/** Sane PDUs in any order, with bytes flipped, cut out, doubled or inserted. */
function mutatedStream(random: (below: number) => number): Buffer {
  const pieces: Buffer[] = [dataPdu(pdv(1, COMMAND, echoRq(9)))];
  for (let count = random(5); count > 0; count--) pieces.push(PIECES[random(PIECES.length)] as Buffer);
  let bytes: Buffer = Buffer.concat(pieces);
  for (let count = random(6); count > 0; count--) bytes = mutate(bytes, random);
  return bytes;
}

function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  const at = random(bytes.length);
  const end = Math.min(bytes.length, at + 1 + random(20));
  switch (random(4)) {
    case 0: {
      const changed = Buffer.from(bytes);
      changed[at] = INTERESTING[random(INTERESTING.length)] as number;
      return changed;
    }
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    default:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([random(256), random(256)]), bytes.subarray(at)]);
  }
}

test('20,000 mutated streams in random chunks never make the reader or the assembler throw anything but its own errors', () => {
  const random = generator(20_260_101);
  for (let run = 0; run < 20_000; run++) {
    const bytes = mutatedStream(random);
    let failures = 0;
    const assembler = new MessageAssembler({ command: () => undefined, dataSetSlice: () => undefined, dataSetEnded: () => undefined });
    const reader = new PduReader(
      {
        dataBegan: () => undefined,
        pdu: () => undefined,
        failed: () => failures++,
        fragment: (header, slice, complete) => {
          try {
            assembler.fragment(header, slice, complete);
          } catch (error) {
            assert.equal((error as Error).name, 'PduError', `run ${run}`);
            reader.stop();
          }
        },
      },
      16_384,
    );
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random(2000);
      reader.push(bytes.subarray(at, at + size));
      at += size;
    }
    assert.ok(failures <= 1, `run ${run}`);
  }
});

test('20,000 mutated A-ASSOCIATE PDUs are decoded or refused with an error of ours', () => {
  const random = generator(20_260_103);
  let decoded = 0;
  for (let run = 0; run < 20_000; run++) {
    let body: Buffer = FULL_REQUEST.subarray(6);
    for (let count = 1 + random(4); count > 0; count--) body = mutate(body, random);
    for (const decode of [decodeAssociateRequest, decodeAssociateAccept])
      try {
        decode(body);
        decoded++;
      } catch (error) {
        if (!(error instanceof PduError)) throw error;
      }
  }
  assert.ok(decoded > 1_000 && decoded < 39_000, `${decoded} were decoded: both ends are tried`);
});

test('1,000 mutated streams leave a real SCP healthy: no association, no sink and no connection is left over', async () => {
  const open = new Set<number>();
  let sinks = 0;
  await using scp = await startScp({
    limits: { artimMs: 200, idleMs: 200, associations: 50, associationsPerSource: 50 },
    storeRequested: () => {
      const id = sinks++;
      open.add(id);
      return {
        write: (chunk) => (chunk.length % 2 === 0 ? undefined : new Promise((resolve) => setImmediate(resolve))),
        end: async () => {
          assert.ok(open.delete(id), 'ended twice or after abort');
          return { status: 0 };
        },
        abort: () => assert.ok(open.delete(id), 'aborted twice or after end'),
      };
    },
  });
  const random = generator(7);
  for (let run = 0; run < 50; run++) {
    await Promise.all(Array.from({ length: 20 }, (_, index) => sendAndLeave(scp.port, mutatedStream(random), index % 4 !== 0)));
  }
  const peer = await associateRaw(scp.port);
  peer.send(dataPdu(pdv(1, COMMAND, echoRq(1))));
  assert.equal((await peer.nextResponse()).status, 0);
  assert.ok(sinks > 100, `${sinks} sinks were opened`);
  await scp.scp.drain(0);
  assert.equal(open.size, 0);
});

/** Most streams come on an association, the others in place of one; every peer leaves when its bytes are sent. */
async function sendAndLeave(port: number, bytes: Buffer, isAssociated: boolean): Promise<void> {
  const peer = isAssociated ? await associateRaw(port) : await connectRaw(port);
  peer.socket.end(isAssociated ? bytes : Buffer.concat([associateRq(), bytes]));
  await peer.closed;
}
