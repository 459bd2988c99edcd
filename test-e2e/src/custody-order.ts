// Whether a receiver kept the order that makes 0000 true, read from its system calls: data synced, renamed, directory synced, event acknowledged, and only
// then the C-STORE-RSP written (invariant 1).
import { dirname } from 'node:path';
import { CommandSet } from '@causeway/shared/dicom/dimse/command-set';
import { type SystemCall, stringsIn, systemCalls } from './system-calls.ts';

/** What attachStrace must follow, and show whole. */
export const CUSTODY_CALLS = 'fdatasync,fsync,rename,renameat,renameat2,write,writev,pwrite64,pwritev,read';
export const CUSTODY_BYTES = ['-s', '65536'];

export interface CustodyOrder {
  /** Answers 0000 that were found. */
  readonly answers: number;
  /** Different renames and directory syncs that they rest on: one sync may serve many. */
  readonly directorySyncs: number;
  /** A sentence for each answer that came before something it rests on. */
  readonly violations: string[];
}

/** PS3.7 table E.1-1: C-STORE-RSP. */
const C_STORE_RSP = 0x8001;
const P_DATA_TF = 4;
const PDV_HEADER_BYTES = 6;
/** PS3.8 section E.2. */
const COMMAND_FRAGMENT = 1;

/** One direction of one socket: its bytes, and which call brought each. */
class ByteStream {
  readonly #chunks: Buffer[] = [];
  readonly #parts: { end: number; call: SystemCall }[] = [];
  #whole: Buffer | undefined;

  add(call: SystemCall): void {
    const count = Number.parseInt(call.result ?? '', 10);
    if (!(count > 0)) return;
    this.#chunks.push(Buffer.concat(stringsIn(call.arguments)).subarray(0, count));
    this.#parts.push({ end: (this.#parts.at(-1)?.end ?? 0) + this.#chunks.at(-1)!.length, call });
  }

  get bytes(): Buffer {
    this.#whole ??= Buffer.concat(this.#chunks);
    return this.#whole;
  }

  /** The call that has the byte at `position`. */
  callAt(position: number): SystemCall {
    return this.#parts.find(({ end }) => position < end)!.call;
  }
}

export function custodyOrderOf(lines: readonly string[]): CustodyOrder {
  const calls = systemCalls(lines);
  const written = streamsOf(calls, /^writev?$/);
  const toBroker = new Set([...written].filter(([, { bytes }]) => bytes.includes('HPUB')).map(([descriptor]) => descriptor));
  const read = streamsOf(
    calls.filter((call) => toBroker.has(descriptorOf(call))),
    /^read$/,
  );
  const publications = new Map([...written.values()].flatMap(publicationsIn).map((one) => [one.sopInstanceUid, one]));
  const acknowledged = new Map([...read.values()].flatMap(acknowledgementsIn));
  const answers = [...written.values()].flatMap(successesIn);
  const onFiles = calls.filter((call) => call.name !== 'read' && !call.arguments.includes('<socket:'));
  const syncs = new Set<SystemCall>();
  const violations = answers.flatMap((answer) => {
    const publication = publications.get(answer.sopInstanceUid);
    if (!publication) return [`${answer.sopInstanceUid}: answered, and its event was never published`];
    const { problem, directorySync } = durabilityProblem(onFiles, publication);
    if (directorySync) syncs.add(directorySync);
    if (problem) return [`${answer.sopInstanceUid}: ${problem}`];
    const known = acknowledged.get(publication.reply);
    return known !== undefined && known < answer.place ? [] : [`${answer.sopInstanceUid}: answered before its event was acknowledged`];
  });
  return { answers: answers.length, directorySyncs: syncs.size, violations };
}

const descriptorOf = (call: SystemCall): string => call.arguments.slice(0, call.arguments.indexOf('>') + 1);

/** By descriptor. */
function streamsOf(calls: readonly SystemCall[], name: RegExp): Map<string, ByteStream> {
  const streams = new Map<string, ByteStream>();
  for (const call of calls) {
    const descriptor = descriptorOf(call);
    if (!name.test(call.name) || !descriptor.includes('<socket:')) continue;
    const stream = streams.get(descriptor) ?? new ByteStream();
    streams.set(descriptor, stream);
    stream.add(call);
  }
  return streams;
}

interface Publication {
  readonly sopInstanceUid: string;
  readonly objectKey: string;
  readonly reply: string;
  /** Where its first byte was written. */
  readonly place: number;
}

/** HPUB of the NATS client protocol: subject, reply, bytes of the headers, bytes in all. */
function publicationsIn(stream: ByteStream): Publication[] {
  const text = stream.bytes.toString('latin1');
  return [...text.matchAll(/HPUB instance\.received\.\S+ (\S+) (\d+) (\d+)\r\n/g)].map((match) => {
    const [line, reply, headerBytes, bytes] = [match[0], match[1]!, Number(match[2]), Number(match[3])];
    const begin = match.index + line.length;
    const { instance } = JSON.parse(text.slice(begin + headerBytes, begin + bytes)) as {
      instance: { sopInstanceUid: string; objectKey: string };
    };
    return { sopInstanceUid: instance.sopInstanceUid, objectKey: instance.objectKey, reply, place: stream.callAt(match.index).entered };
  });
}

/** Reply subject, and where the acknowledgement was wholly read. */
function acknowledgementsIn(stream: ByteStream): [string, number][] {
  const text = stream.bytes.toString('latin1');
  return [...text.matchAll(/MSG (\S+) \S+ +\d+\r\n\{"stream": ?"RECEIVED"[^}]*\}/g)].map((match) => [
    match[1]!,
    stream.callAt(match.index + match[0].length - 1).left,
  ]);
}

/** C-STORE-RSP with status 0000, and where their first byte was written. */
function successesIn(stream: ByteStream): { sopInstanceUid: string; place: number }[] {
  const found: { sopInstanceUid: string; place: number }[] = [];
  const { bytes } = stream;
  for (let at = 0; at + 12 <= bytes.length && bytes[at]! <= 7; at += 6 + bytes.readUInt32BE(at + 2)) {
    if (bytes[at] !== P_DATA_TF || !(bytes[at + 11]! & COMMAND_FRAGMENT)) continue;
    const command = CommandSet.decode(bytes.subarray(at + 6 + PDV_HEADER_BYTES, at + 6 + bytes.readUInt32BE(at + 2)));
    if (command.number('commandField') !== C_STORE_RSP || command.number('status') !== 0) continue;
    found.push({ sopInstanceUid: command.text('affectedSopInstanceUid') ?? '', place: stream.callAt(at).entered });
  }
  return found;
}

interface Durability {
  readonly problem?: string;
  readonly directorySync?: SystemCall;
}

const succeeded = ({ result }: SystemCall): boolean => result === '0';

/** Looked at backwards from the publication: directory sync, rename, sync of the data, last write. */
function durabilityProblem(calls: readonly SystemCall[], { objectKey, place }: Publication): Durability {
  const before = calls.filter(({ left }) => left < place);
  const rename = before.find((call) => call.name.startsWith('rename') && stringsIn(call.arguments)[1]?.toString().endsWith(objectKey));
  if (!rename || !succeeded(rename)) return { problem: 'published before it was renamed to its place' };
  const [from, to] = stringsIn(rename.arguments).map(String) as [string, string];
  const dataSync = before.find((call) => isSyncOf(call, from) && succeeded(call) && call.left < rename.entered);
  if (!dataSync) return { problem: 'renamed before its data was synced' };
  const late = calls.some(
    (call) => /^p?write(v|64)?$/.test(call.name) && call.arguments.includes(`<${from}>`) && call.left > dataSync.entered,
  );
  if (late) return { problem: 'written to after its data was synced' };
  const directorySync = before.find((call) => isSyncOf(call, dirname(to)) && succeeded(call) && call.entered > rename.left);
  return directorySync ? { directorySync } : { problem: 'published before its directory was synced' };
}

const isSyncOf = (call: SystemCall, path: string): boolean => /^f(data)?sync$/.test(call.name) && call.arguments.endsWith(`<${path}>`);
