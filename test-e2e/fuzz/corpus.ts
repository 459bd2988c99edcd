// What is mutated: real files of many makers (Debian's python3-pydicom), random data sets in every layout, and the PDUs that carry them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { encodeCommandSet } from '@causeway/shared/dicom/dimse/command-set';
import { dataPdu, pdv } from '@causeway/shared/dicom/dimse/raw-peer-for-tests';
import { type DescribedElement, randomDataSet, seededRandom, writeDataSet } from '@causeway/shared/dicom/part10/data-set-for-tests';
import { type ElementEncoding, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE } from '@causeway/shared/dicom/part10/element-header';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import {
  type AssociateRequestFields,
  encodeAbort,
  encodeAssociateRequest,
  encodeReleaseRequest,
} from '@causeway/shared/dicom/upper-layer/pdu-writer';

export interface DataSetSample {
  readonly bytes: Buffer;
  readonly transferSyntaxUid: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

const PYDICOM = '/usr/lib/python3/dist-packages/pydicom/data';
/** Larger ones only cost time: their pixels are passed over. */
const MOST_FILE_BYTES = 40_000;

/** Throws when there is no real file at all: a fuzzing run without them would say less than it seems to. */
export function dataSetCorpus(): DataSetSample[] {
  const real = realFiles();
  if (real.length < 20) throw new Error(`only ${real.length} real files in ${PYDICOM}: install python3-pydicom`);
  return [...real, ...randomSamples()];
}

function realFiles(): DataSetSample[] {
  const folders = ['test_files', 'charset_files'].map((name) => join(PYDICOM, name)).filter((folder) => existsSync(folder));
  const paths = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  return paths.filter((path) => path.endsWith('.dcm')).flatMap((path) => sampleOf(readFileSync(path)));
}

function sampleOf(file: Buffer): DataSetSample[] {
  if (file.length > MOST_FILE_BYTES) return [];
  try {
    const { meta, dataSetOffset } = parseFileMeta(file)!;
    const { transferSyntaxUid, sopClassUid, sopInstanceUid } = meta;
    return [{ bytes: file.subarray(dataSetOffset), transferSyntaxUid, sopClassUid, sopInstanceUid }];
  } catch {
    return [];
  }
}

const LAYOUTS: [transferSyntaxUid: string, encoding: ElementEncoding][] = [
  ['1.2.840.10008.1.2', IMPLICIT_LITTLE],
  ['1.2.840.10008.1.2.1', EXPLICIT_LITTLE],
  ['1.2.840.10008.1.2.2', EXPLICIT_BIG],
  ['1.2.840.10008.1.2.1.99', EXPLICIT_LITTLE],
  ['1.2.840.10008.1.2.4.50', EXPLICIT_LITTLE],
];
const SAMPLES_EACH = 12;

export const SOP_CLASS = '1.2.840.10008.5.1.4.1.1.2';
const uid = (tag: number, text: string): DescribedElement => ({
  tag,
  vr: 'UI',
  value: Buffer.from(text.length % 2 === 0 ? text : `${text}\0`),
});

function randomSamples(): DataSetSample[] {
  const random = seededRandom(1);
  return LAYOUTS.flatMap(([transferSyntaxUid, encoding], layout) =>
    Array.from({ length: transferSyntaxUid.endsWith('.99') ? 3 : SAMPLES_EACH }, (_, number) => {
      const sopInstanceUid = `1.2.3.${layout}.${number}`;
      const identity = [uid(0x00080016, SOP_CLASS), uid(0x00080018, sopInstanceUid), uid(0x0020000d, '1.2.3'), uid(0x0020000e, '1.2.3.1')];
      const others = randomDataSet(random, { fragmented: transferSyntaxUid.includes('.4.') });
      const plain = writeDataSet(
        [...identity, ...others].sort((a, b) => a.tag - b.tag),
        encoding,
      );
      const bytes = transferSyntaxUid.endsWith('.99') ? deflated(plain) : plain;
      return { bytes, transferSyntaxUid, sopClassUid: SOP_CLASS, sopInstanceUid };
    }),
  );
}

function deflated(plain: Buffer): Buffer {
  const bytes = deflateRawSync(plain);
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
}

const VERIFICATION = '1.2.840.10008.1.1';
const implementation = { classUid: '1.2.3.4', versionName: 'FUZZ' };

/** Longer data sets are more of the same to the upper layer; they are fuzzed as data sets. */
const MOST_MESSAGE_BYTES = 4000;

/** A whole conversation of valid PDUs: request, messages, release or abort. */
export type Conversation = readonly Buffer[];

export function conversations(samples: readonly DataSetSample[]): Conversation[] {
  const small = samples.filter(({ bytes }) => bytes.length < MOST_MESSAGE_BYTES);
  const groups = Array.from({ length: Math.ceil(small.length / 3) }, (_, at) => small.slice(at * 3, at * 3 + 3));
  return groups.map((group, at) => [
    associateRequest(group, at),
    echo(1),
    ...group.flatMap((sample, which) =>
      storeMessage({ sample, contextId: 3 + 2 * which, messageId: 2 + which }, [16_384, 700, 100_000][at % 3]!),
    ),
    at % 4 === 3 ? encodeAbort(0, 0) : encodeReleaseRequest(),
  ]);
}

function associateRequest(group: readonly DataSetSample[], at: number): Buffer {
  const storage = group.map(({ sopClassUid, transferSyntaxUid }, which) => ({
    ...{ id: 3 + 2 * which, abstractSyntaxUid: sopClassUid },
    transferSyntaxUids: at % 2 === 0 ? [transferSyntaxUid] : [transferSyntaxUid, '1.2.840.10008.1.2'],
  }));
  const contexts = [{ id: 1, abstractSyntaxUid: VERIFICATION, transferSyntaxUids: ['1.2.840.10008.1.2'] }, ...storage];
  const fields: AssociateRequestFields = {
    calledAe: 'GATEWAY',
    callingAe: `FUZZ${at % 7}`,
    contexts,
    maxPduBytes: [0, 16_384, 4096][at % 3]!,
    implementation,
  };
  return encodeAssociateRequest(fields);
}

const echo = (messageId: number): Buffer =>
  dataPdu(pdv(1, 3, encodeCommandSet({ affectedSopClassUid: VERIFICATION, commandField: 0x30, messageId, commandDataSetType: 0x0101 })));

interface Message {
  readonly sample: DataSetSample;
  readonly contextId: number;
  readonly messageId: number;
}

/** Command and data in PDUs of their own, or the command in one PDU with the first data, as PS3.8 Annex E allows. */
function storeMessage({ sample, contextId, messageId }: Message, pduBytes: number): Buffer[] {
  const { sopClassUid, sopInstanceUid, bytes } = sample;
  const fields = { affectedSopClassUid: sopClassUid, affectedSopInstanceUid: sopInstanceUid, commandField: 1, messageId, priority: 0 };
  const command = pdv(contextId, 3, encodeCommandSet({ ...fields, commandDataSetType: 1 }));
  const data: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += pduBytes)
    data.push(pdv(contextId, at + pduBytes >= bytes.length ? 2 : 0, bytes.subarray(at, at + pduBytes)));
  if (messageId % 2 === 0) return [dataPdu(command), ...data.map((one) => dataPdu(one))];
  return [dataPdu(command, data[0]!), ...data.slice(1).map((one) => dataPdu(one))];
}
