// The PDU reader, cut in every way a network can cut, and against PDUs that lie.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PduReader } from './pdu-reader.ts';
import { encodeAbort, encodeDataHeader, encodeReleaseRequest } from './pdu-writer.ts';

const LIMIT = 1000;

function recorder(limit = LIMIT) {
  const seen: string[] = [];
  const reader = new PduReader(
    {
      dataBegan: () => seen.push('data'),
      fragment: (pdv, slice, complete) => {
        seen.push(`${pdv.contextId}${pdv.isCommand ? 'C' : 'D'}${pdv.isLast ? '!' : ''}:${slice.toString('latin1')}${complete ? '.' : ''}`);
      },
      pdu: (type, body) => seen.push(`pdu ${type} ${body.toString('hex')}`),
      failed: (error) => seen.push(`failed ${error.reason}: ${error.message}`),
    },
    limit,
  );
  return { seen, reader };
}

/** A P-DATA-TF of several PDVs. */
function dataPdu(...pdvs: [contextId: number, control: number, text: string][]): Buffer {
  const items = pdvs.map(([contextId, control, text]) => {
    const header = Buffer.alloc(6);
    header.writeUInt32BE(text.length + 2);
    header[4] = contextId;
    header[5] = control;
    return Buffer.concat([header, Buffer.from(text, 'latin1')]);
  });
  const body = Buffer.concat(items);
  const header = Buffer.from([4, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

/** What came, with the slices of one PDV put together, so that different cuts compare equal. */
function joined(seen: string[]): string[] {
  const out: string[] = [];
  let open: string | undefined;
  for (const line of seen) {
    const match = /^(\d+[CD]!?:)(.*)$/s.exec(line);
    if (match === null) {
      out.push(line);
      continue;
    }
    open = open === undefined ? line : open + (match[2] ?? '');
    if (!line.endsWith('.')) continue;
    out.push(open);
    open = undefined;
  }
  return out;
}

const STREAM = Buffer.concat([
  dataPdu([1, 3, 'command'], [1, 0, 'first'], [1, 0, ''], [1, 2, 'last']),
  encodeReleaseRequest(),
  dataPdu([255, 2, '']),
  encodeAbort(2, 6),
]);
const EXPECTED = ['data', '1C!:command.', '1D:first.', '1D:.', '1D!:last.', 'pdu 5 00000000', 'data', '255D!:.', 'pdu 7 00000206'];

test('several PDVs in a PDU and several PDUs in a chunk come out in order', () => {
  const { seen, reader } = recorder();
  reader.push(STREAM);
  assert.deepEqual(seen, EXPECTED);
});

test('no cut of the stream into chunks of equal size changes what comes out, one byte included', () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const { seen, reader } = recorder();
    for (let at = 0; at < STREAM.length; at += size) reader.push(STREAM.subarray(at, at + size));
    assert.deepEqual(joined(seen), EXPECTED, `chunks of ${size}`);
  }
});

test('fragments are handed on before their PDV is complete, as slices and not as copies', () => {
  const slices: Buffer[] = [];
  const nothing = () => undefined;
  const reader = new PduReader({ dataBegan: nothing, pdu: nothing, failed: nothing, fragment: (_pdv, slice) => slices.push(slice) }, 0);
  const head = Buffer.concat([encodeDataHeader({ contextId: 1, isCommand: false, isLast: true }, 500), Buffer.alloc(100, 1)]);
  const middle = Buffer.alloc(300, 2);
  reader.push(head);
  assert.equal(slices[0]?.length, 100);
  assert.equal(slices[0]?.buffer, head.buffer);
  reader.push(middle);
  assert.equal(slices[1], middle);
});

test('a held reader keeps every byte and delivers it in order after resume', () => {
  for (let stop = 0; stop < EXPECTED.length; stop++) {
    const { seen, reader } = recorder();
    const holdAt = stop;
    const original = seen.push.bind(seen);
    seen.push = (line: string) => {
      const length = original(line);
      if (length === holdAt + 1) reader.hold();
      return length;
    };
    reader.push(STREAM.subarray(0, 30));
    reader.push(STREAM.subarray(30));
    reader.push(encodeReleaseRequest());
    reader.resume();
    assert.deepEqual(joined(seen), [...EXPECTED, 'pdu 5 00000000'], `held after ${stop}`);
  }
});

test('a P-DATA-TF at our limit is read and one byte more is refused before any of it is', () => {
  const exact = recorder(20);
  exact.reader.push(dataPdu([1, 2, 'x'.repeat(14)]));
  assert.deepEqual(exact.seen, ['data', `1D!:${'x'.repeat(14)}.`]);
  const over = recorder(20);
  over.reader.push(dataPdu([1, 2, 'x'.repeat(15)]));
  assert.deepEqual(over.seen, ['failed 6: P-DATA-TF of 21 bytes, our limit is 20 (PS3.8 D.1)']);
});

test('limit 0 lets any P-DATA-TF through', () => {
  const { seen, reader } = recorder(0);
  reader.push(Buffer.from('04000ffffff00fffffec0100', 'hex'));
  reader.push(Buffer.from('abc'));
  assert.deepEqual(seen, ['data', '1D:abc']);
});

const LIES: [name: string, hex: string, expected: RegExp][] = [
  ['a length of nearly 4 GiB', '0400fffffff0', /^failed 6: P-DATA-TF of 4294967280/],
  ['a P-DATA-TF without a PDV', '040000000000', /^failed 6/],
  ['a PDV longer than its PDU', '04000000000800000009010300', /^failed 6: PDV of 9 bytes/],
  ['a PDV without its two header bytes', '040000000008000000010103', /^failed 6: PDV of 1/],
  ['a few bytes left behind the last PDV', '04000000000900000002010300', /^failed 6: 3 bytes after/],
  ['an A-ASSOCIATE-RQ of 1 MiB and a byte', '010000100001', /^failed 6: A-ASSOCIATE PDU of 1048577/],
  ['an A-ASSOCIATE-AC of 4 GiB', '0200ffffffff', /^failed 6/],
  ['an empty A-ASSOCIATE-RQ', '010000000000', /^failed 6/],
  ['an A-RELEASE-RQ of 5 bytes', '050000000005', /^failed 6/],
  ['an A-ABORT of 3 bytes', '070000000003', /^failed 6/],
  ['PDU type 0', '000000000004', /^failed 1: unrecognized PDU type 0x00/],
  ['PDU type 8', '080000000004', /^failed 1: unrecognized PDU type 0x08/],
  ['a TLS ClientHello', '160301020001', /^failed 1: a TLS ClientHello/],
  ['an HTTP request', '474554202f20', /^failed 1: unrecognized PDU type 0x47/],
];

for (const [name, hex, expected] of LIES) {
  test(`${name} fails the stream, and nothing after it is read`, () => {
    const { seen, reader } = recorder();
    reader.push(Buffer.from(hex, 'hex'));
    reader.push(STREAM);
    assert.match(seen.at(-1) ?? '', expected);
    assert.equal(seen.filter((line) => line.startsWith('failed')).length, 1);
  });
}

test('an announced length allocates nothing before its bytes came', () => {
  const { reader } = recorder();
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 500 }, () => recorder().reader);
  for (const one of [reader, ...readers]) one.push(Buffer.from('010000100000', 'hex'));
  assert.ok(process.memoryUsage().arrayBuffers - before < 20_000_000, 'a megabyte each would be 500 MB');
});
