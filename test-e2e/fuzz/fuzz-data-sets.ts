// One mutated data set through scanner, header reader and the real coercion. What must hold afterwards is checked.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { inflateRawSync } from 'node:zlib';
import { newReceiptId, receivedKey } from '@causeway/shared/brands';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { createHeaderReader } from '@causeway/shared/config/header-reader';
import { encodeCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { PermanentError } from '@causeway/shared/errors';
import { type Instance, instance as instanceSchema, type ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { coerce } from '../../services/compressor/src/coerce.ts';
import { type DataSetSample, dataSetCorpus } from './corpus.ts';
import { indexed, mutatedDataSet } from './data-set-mutations.ts';
import type { RunInput } from './fuzz-streams.ts';
import { type Below, chunksOf, pick, seeded } from './random.ts';

const RULES = [
  { set: { InstitutionName: 'MS44' }, impossible: 'skip' },
  { set: { InstitutionName: 'Kölnルÿ', '00321064.00080100': 'CODE' }, impossible: 'hold' },
  {
    copy: { StationName: 'association:callingAe', PatientID: 'AccessionNumber' },
    remove: ['PatientName', '(0009,1010)'],
    impossible: 'skip',
  },
  {
    map: { PatientSex: { M: 'F', '': 'O' }, Modality: { CT: 'MR' } },
    remove: ['00400275.00400007', 'RequestedProcedureCodeSequence'],
    impossible: 'skip',
  },
  { set: { '(0009,1010)': 'private', '00081140.00081155': '1.2.3' }, when: { modality: 'CT' }, impossible: 'skip' },
].map((rule) => parseGatewayDocument({ coercion: [{ when: {}, on: 'receive', ...rule }] }));
const TOUCHED = new Set([
  0x00080080, 0x00081010, 0x00100010, 0x00100020, 0x00100040, 0x00080060, 0x00091010, 0x00321064, 0x00400275, 0x00081140, 0x04000561,
]);
const header = createHeaderReader(parseGatewayDocument({ lanes: [{ when: { attribute: '00321064.00080100', in: 'X' }, lane: 'stat' }] }));
const DEFLATED = '1.2.840.10008.1.2.1.99';

export function dataSetFuzzing(): RunInput {
  const corpus = dataSetCorpus().flatMap(indexed);
  return async (seed) => {
    const below = seeded(seed);
    const sample = mutatedDataSet(corpus, below);
    const scan = await scanned(sample, below);
    if (scan === undefined) return ['refused by the scanner', await coercionOutcome(sample, below, undefined)];
    describe(scan);
    return ['scanned', await coercionOutcome(sample, below, scan)];
  };
}

/** The same whatever the chunks are; undefined: it cannot be parsed. */
async function scanned({ bytes, transferSyntaxUid }: DataSetSample, below: Below): Promise<DataSetScan | undefined> {
  const results: (DataSetScan | undefined)[] = [];
  for (const chunks of [chunksOf(bytes, below), [bytes]]) results.push(await scanOf(chunks, transferSyntaxUid));
  const [chunked, whole] = results.map((scan) => scan && JSON.stringify([scan.elements, scan.endOffset, scan.opaque, [...scan.values]]));
  if (chunked !== whole) throw new Error('a data set says something else in other chunks');
  return results[1];
}

async function scanOf(chunks: Iterable<Buffer>, transferSyntaxUid: string): Promise<DataSetScan | undefined> {
  const scanner = new DataSetScanner({ transferSyntaxUid, wanted: header.wanted });
  try {
    for (const chunk of chunks) await scanner.write(chunk);
    return await scanner.end();
  } catch (error) {
    if (error instanceof DicomParseError) return undefined;
    throw error;
  }
}

/** What the receiver would tell of it must be what consumers understand. */
function describe(scan: DataSetScan): void {
  instanceSchema
    .pick({ attributes: true, studyInstanceUid: true, seriesInstanceUid: true })
    .parse({ ...header.identity(scan), attributes: header.attributes(scan) });
}

async function coercionOutcome(sample: DataSetSample, below: Below, scan: DataSetScan | undefined): Promise<string> {
  const document = pick(RULES, below);
  const { store, instance } = received(sample, below);
  try {
    const made = await coerce({ store }, { instance, document, facility: undefined, isAgain: below(4) === 0 });
    instanceSchema.parse(made.instance);
    if (made.coercion?.object === undefined) return made.coercion?.skipped === undefined ? 'not coerced: the same' : 'not coerced: skipped';
    const coerced = { ...sample, bytes: store.dataSetOf(made.coercion.object) };
    await checkUntouched(sample, coerced, scan);
    const again = received(coerced, below);
    const second = await coerce({ store: again.store }, { instance: again.instance, document, facility: undefined, isAgain: false });
    if (second.coercion?.object !== undefined) throw new Error('coercing what was coerced changed it again');
    return 'coerced';
  } catch (error) {
    if (error instanceof PermanentError && error.message.startsWith('coercion rule 1: ')) return 'held';
    throw error;
  }
}

/** What no rule names is what it was, byte for byte and in its order; that needs a data set that can be read to its end. */
async function checkUntouched(before: DataSetSample, after: DataSetSample, scan: DataSetScan | undefined): Promise<void> {
  if (scan === undefined) return;
  const result = await scanOf([after.bytes], after.transferSyntaxUid);
  if (result === undefined) throw new Error('a readable data set was coerced to one that is not');
  if (untouched(before, scan) !== untouched(after, result)) throw new Error('coercion touched what no rule names');
}

function untouched({ bytes, transferSyntaxUid }: DataSetSample, { elements }: DataSetScan): string {
  const plain = transferSyntaxUid === DEFLATED ? inflateRawSync(bytes) : bytes;
  const hash = createHash('sha256');
  for (const { tag, headerOffset, endOffset } of elements)
    if (!TOUCHED.has(tag) && (tag & 0xffff) !== 0) hash.update(plain.subarray(headerOffset, endOffset));
  return hash.digest('hex');
}

interface OneObject {
  readonly store: ObjectStore & { dataSetOf(ref: ObjectRef): Buffer };
  readonly instance: Instance;
}

/** A received object, and a store that holds it and what is made of it. */
function received({ bytes, transferSyntaxUid, sopClassUid, sopInstanceUid }: DataSetSample, below: Below): OneObject {
  const receiptId = newReceiptId();
  const association = { callingAe: 'FUZZ', calledAe: 'GATEWAY', source: '10.0.0.9', listener: 'fuzz' };
  const facts = { sopClassUid, sopInstanceUid, transferSyntaxUid, lane: 'routine' as const, receivedAt: '2026-01-02T03:04:05.000Z' };
  const meta = encodeCustodyMeta({ ...facts, ...association });
  const digest = createHash('sha256').update(bytes).digest('hex');
  meta.bytes.write(digest, meta.digestPosition, 'latin1');
  const object = Buffer.concat([meta.bytes, bytes]);
  const key = receivedKey(receiptId);
  const instance = { ...facts, receiptId, association, attributes: { Modality: 'CT' }, objectKey: key, size: object.length, digest };
  return { store: storeOf(new Map([[key as string, object]]), below), instance };
}

function storeOf(objects: Map<string, Buffer>, below: Below): OneObject['store'] {
  const chunkBytes = pick([1 << 20, 4096, 333], below);
  const read = function* (bytes: Buffer): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  };
  return {
    get: async (key: string, range?: { start: number; end?: number }) =>
      Readable.from(read(objects.get(key)!.subarray(range?.start ?? 0, range?.end))),
    create: (key: string) => {
      const chunks: Buffer[] = [];
      const patches: (() => void)[] = [];
      return {
        write: (chunk: Buffer): undefined => void chunks.push(Buffer.from(chunk)),
        patch: (position: number, bytes: Buffer) => void patches.push(() => bytes.copy(objects.get(key)!, position)),
        commit: async () => {
          objects.set(key, Buffer.concat(chunks));
          for (const patch of patches) patch();
          return { size: objects.get(key)!.length };
        },
        discard: async () => {},
      };
    },
    dataSetOf: ({ objectKey, digest }: ObjectRef) => {
      const object = objects.get(objectKey)!;
      const data = object.subarray(parseFileMeta(object)!.dataSetOffset);
      if (createHash('sha256').update(data).digest('hex') !== digest) throw new Error('the coerced object is not what its digest says');
      return data;
    },
  } as unknown as OneObject['store'];
}
