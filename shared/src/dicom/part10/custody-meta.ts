// What makes a received object self-describing: the facts of its receipt and its digest in group 2's private information (PS3.10 table 7.1-1).
import { encodeFileMeta, type FileMeta } from './file-meta.ts';
import { DicomParseError } from './parse-error.ts';

/** (0002,0100): says that (0002,0102) is ours. Drawn once as a UUID (PS3.5 section B.2). */
export const CUSTODY_CREATOR_UID = '2.25.73896021452053479156248559601070985107';

const DIGEST_PLACE = '0'.repeat(64);
/** Digest and lane stand first, so that their places do not depend on what follows: both are known only when the header has been read. */
const BEFORE_DIGEST = '{"digest":"';
const BETWEEN_DIGEST_AND_LANE = '","lane":"';
/** The longest lane, `routine`; shorter ones are padded with spaces. */
const LANE_CHARACTERS = 7;
const VERSION = 1;

/** `callingAe` and `calledAe` as received; `source`: the peer's address; `receivedAt`: ISO 8601. */
export interface CustodyFacts {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly lane: string;
  readonly listener: string;
  readonly tlsSubject?: string;
  readonly callingAe: string;
  readonly calledAe: string;
  readonly source: string;
  readonly receivedAt: string;
}

/** Everything an `instance` event says of the receipt. `digest`: lower-case hex SHA-256 of the data set. */
export interface Custody extends CustodyFacts {
  readonly digest: string;
}

const REQUIRED = ['lane', 'listener', 'callingAe', 'calledAe', 'source', 'receivedAt'] as const;
/** Characters of one text; longer ones are cut when written. */
const MAX_TEXT = 1024;

export interface CustodyMeta {
  readonly bytes: Buffer;
  readonly digestPosition: number;
  readonly lanePosition: number;
}

/**
 * Preamble and group 2 of an object of ours, written before its data set is known. `digestPosition` and `lanePosition` are the bytes, counted from
 * the start of the object, where `digestBytes` and `laneBytes` must be written once they are. `spareBytes`, an even number, are added at the end, as
 * spaces that say nothing: room to write it again with other UIDs.
 */
export function encodeCustodyMeta(facts: CustodyFacts, spareBytes = 0): CustodyMeta {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, callingAe, calledAe, source } = facts;
  const privateInformation = Buffer.concat([informationOf(facts), Buffer.alloc(spareBytes, ' ')]);
  const bytes = encodeFileMeta({
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    sourceAe: callingAe,
    sendingAe: callingAe,
    receivingAe: calledAe,
    sourceAddress: source,
    sendingAddress: source,
    privateInformationCreatorUid: CUSTODY_CREATOR_UID,
    privateInformation,
  });
  const digestPosition = bytes.length - privateInformation.length + BEFORE_DIGEST.length;
  return { bytes, digestPosition, lanePosition: digestPosition + DIGEST_PLACE.length + BETWEEN_DIGEST_AND_LANE.length };
}

/** The same with facts known only now, in exactly the bytes of `before`, which must have had enough to spare. */
export function encodeCustodyMetaAgain(facts: CustodyFacts, before: CustodyMeta): CustodyMeta {
  return encodeCustodyMeta(facts, before.bytes.length - encodeCustodyMeta(facts).bytes.length);
}

function informationOf(facts: CustodyFacts): Buffer {
  const { lane, listener, tlsSubject, callingAe, calledAe, source, receivedAt } = facts;
  const texts = Object.entries({ listener, tlsSubject, callingAe, calledAe, source, receivedAt });
  const cut = Object.fromEntries(texts.map(([name, text]) => [name, text?.slice(0, MAX_TEXT)]));
  const json = Buffer.from(JSON.stringify({ digest: DIGEST_PLACE, lane: laneText(lane), version: VERSION, ...cut }));
  // Even by a space, which JSON ignores, not by the NUL of OB.
  return json.length % 2 === 0 ? json : Buffer.concat([json, Buffer.from(' ')]);
}

function laneText(lane: string): string {
  if (!/^[a-z]+$/.test(lane) || lane.length > LANE_CHARACTERS) throw new Error(`not a lane: ${JSON.stringify(lane)}`);
  return lane.padEnd(LANE_CHARACTERS);
}

/** The bytes to write at `lanePosition` when the lane is known only after the header. */
export const laneBytes = (lane: string): Buffer => Buffer.from(laneText(lane), 'latin1');

/** The bytes to write at `digestPosition`. */
export function digestBytes(hex: string): Buffer {
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new Error('not a SHA-256 digest in lower-case hex');
  return Buffer.from(hex, 'latin1');
}

/** The receipt of an object of ours; undefined: not an object of ours. Throws DicomParseError when ours is damaged, or was never given its digest. */
export function readCustodyMeta(meta: FileMeta): Custody | undefined {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, privateInformation, privateInformationCreatorUid } = meta;
  if (privateInformationCreatorUid !== CUSTODY_CREATOR_UID) return undefined;
  const { digest, tlsSubject, ...required } = parseInformation(privateInformation ?? Buffer.alloc(0));
  return { sopClassUid, sopInstanceUid, transferSyntaxUid, digest, ...required, ...(tlsSubject !== undefined && { tlsSubject }) };
}

type Information = Omit<Custody, 'sopClassUid' | 'sopInstanceUid' | 'transferSyntaxUid'>;

function parseInformation(bytes: Buffer): Information {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw damaged('not JSON');
  }
  if (typeof json !== 'object' || json === null) throw damaged('not an object');
  const found = json as Record<string, unknown>;
  if (found.version !== VERSION) throw damaged(`not version ${VERSION}`);
  const digest = textOf(found, 'digest');
  if (!/^[0-9a-f]{64}$/.test(digest) || digest === DIGEST_PLACE) throw damaged('no digest');
  const texts = Object.fromEntries(REQUIRED.map((name) => [name, textOf(found, name)])) as Record<(typeof REQUIRED)[number], string>;
  return {
    digest,
    ...texts,
    lane: texts.lane.trimEnd(),
    tlsSubject: found.tlsSubject === undefined ? undefined : textOf(found, 'tlsSubject'),
  };
}

function textOf(found: Record<string, unknown>, name: string): string {
  const value = found[name];
  if (typeof value !== 'string' || value.length > MAX_TEXT) throw damaged(`${name} is no text of at most ${MAX_TEXT} characters`);
  return value;
}

const damaged = (why: string): DicomParseError =>
  new DicomParseError(`custody information is damaged: ${why}`, { offset: 0, tag: 0x00020102 });
