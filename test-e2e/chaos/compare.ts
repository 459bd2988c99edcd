// What a run with faults must have come to, instance by instance: the senders' logs against the archives' journals, the ledger and the object store. Pure: evidence in, findings out.

/** One C-STORE of a sender, or one instance that it gave up. */
export interface SentRecord {
  readonly sopInstanceUid: string;
  /** SHA-256 of the data set; undefined: never sent whole. */
  readonly digest: string | undefined;
  /** Answered 0000 (or a warning). */
  readonly accepted: boolean;
}

/** A line of an archive's journal. */
export interface ArrivedRecord {
  readonly archive: string;
  readonly sopInstanceUid: string;
  readonly digest: string;
}

/** A row of the ledger. */
export interface ReceiptRecord {
  readonly receiptId: string;
  readonly sopInstanceUid: string;
  readonly digest: string;
  readonly state: string;
}

export interface DeliveryRecord {
  readonly receiptId: string;
  /** Id of the destination, which is also the name of its archive. */
  readonly destination: string;
  readonly state: string;
  /** What was sent instead of the received data set. */
  readonly digestDelivered: string | undefined;
}

export interface Evidence {
  readonly sent: readonly SentRecord[];
  readonly arrived: readonly ArrivedRecord[];
  readonly receipts: readonly ReceiptRecord[];
  readonly deliveries: readonly DeliveryRecord[];
  /** Receipt ids of the objects received, in the object store. */
  readonly objects: readonly string[];
  /** Where every accepted instance has to be, byte for byte. */
  readonly everythingAt: string;
  /** Most repeats that the faults can have caused. */
  readonly repeatsBound: number;
}

/** Each list: at most the first ten, as text; `count` is of all. */
export interface Finding {
  readonly what: string;
  readonly count: number;
  readonly examples: readonly string[];
}

export interface Verdict {
  /** Empty: the run is good. */
  readonly findings: readonly Finding[];
  readonly acknowledged: number;
  readonly arrivals: number;
  readonly repeats: number;
  readonly repeatsBound: number;
  readonly receipts: number;
  readonly deliveries: number;
}

const EXAMPLES = 10;
const pair = (sopInstanceUid: string, digest: string | undefined): string => `${sopInstanceUid} ${digest ?? '-'}`;

export function compareEvidence(evidence: Evidence): Verdict {
  const { repeats, ...repeated } = countRepeats(evidence);
  const checks: [string, readonly string[]][] = [
    ['no instance was acknowledged: the run shows nothing', acceptedOf(evidence).length === 0 ? ['none'] : []],
    ['acknowledged, and no data set of that UID in the archive', missing(evidence)],
    ['acknowledged, and the archive has only other data sets of that UID', altered(evidence)],
    ['acknowledged, and the ledger has no receipt of it', unaccounted(evidence)],
    ['in an archive, and nobody sent it', strangers(evidence)],
    ['confirmed by the ledger, and not in that archive', ledgerAhead(evidence)],
    ['still open, held or failed in the ledger', stillOpen(evidence)],
    ['an object in the store that the ledger does not know', objectsWithoutRow(evidence)],
    ['received by the ledger, and no object in the store', rowsWithoutObject(evidence)],
    ...(repeats > evidence.repeatsBound ? [['more repeats than can have been in flight', repeated.examples] as [string, string[]]] : []),
  ];
  const findings = checks.filter(([, found]) => found.length > 0).map(([what, found]) => findingOf(what, found));
  const { sent, arrived, receipts, deliveries, repeatsBound } = evidence;
  const acknowledged = new Set(sent.filter(({ accepted }) => accepted).map(({ sopInstanceUid, digest }) => pair(sopInstanceUid, digest)))
    .size;
  return {
    findings,
    acknowledged,
    arrivals: arrived.length,
    repeats,
    repeatsBound,
    receipts: receipts.length,
    deliveries: deliveries.length,
  };
}

const findingOf = (what: string, found: readonly string[]): Finding => ({ what, count: found.length, examples: found.slice(0, EXAMPLES) });

const acceptedOf = ({ sent }: Evidence): SentRecord[] => sent.filter(({ accepted }) => accepted);
const atMain = ({ arrived, everythingAt }: Evidence): ArrivedRecord[] => arrived.filter(({ archive }) => archive === everythingAt);

function missing(evidence: Evidence): string[] {
  const there = new Set(atMain(evidence).map(({ sopInstanceUid }) => sopInstanceUid));
  return acceptedOf(evidence)
    .filter(({ sopInstanceUid }) => !there.has(sopInstanceUid))
    .map(({ sopInstanceUid }) => sopInstanceUid);
}

function altered(evidence: Evidence): string[] {
  const uids = new Set(atMain(evidence).map(({ sopInstanceUid }) => sopInstanceUid));
  const there = new Set(atMain(evidence).map(({ sopInstanceUid, digest }) => pair(sopInstanceUid, digest)));
  return acceptedOf(evidence)
    .filter(({ sopInstanceUid, digest }) => uids.has(sopInstanceUid) && !there.has(pair(sopInstanceUid, digest)))
    .map(({ sopInstanceUid }) => sopInstanceUid);
}

function unaccounted(evidence: Evidence): string[] {
  const known = new Set(evidence.receipts.map(({ sopInstanceUid, digest }) => pair(sopInstanceUid, digest)));
  return acceptedOf(evidence)
    .map(({ sopInstanceUid, digest }) => pair(sopInstanceUid, digest))
    .filter((one) => !known.has(one));
}

/** As sent, or as the gateway says that it made it of what was sent. */
function strangers({ sent, arrived, receipts, deliveries }: Evidence): string[] {
  const uidOf = new Map(receipts.map(({ receiptId, sopInstanceUid }) => [receiptId, sopInstanceUid]));
  const known = new Set(sent.map(({ sopInstanceUid, digest }) => pair(sopInstanceUid, digest)));
  const sentUids = new Set(sent.map(({ sopInstanceUid }) => sopInstanceUid));
  for (const { receiptId, digestDelivered } of deliveries) {
    const uid = uidOf.get(receiptId);
    if (digestDelivered !== undefined && uid !== undefined && sentUids.has(uid)) known.add(pair(uid, digestDelivered));
  }
  return arrived.filter(({ sopInstanceUid, digest }) => !known.has(pair(sopInstanceUid, digest))).map(describeArrival);
}

const describeArrival = ({ archive, sopInstanceUid, digest }: ArrivedRecord): string => `${archive}: ${pair(sopInstanceUid, digest)}`;

function ledgerAhead({ arrived, receipts, deliveries }: Evidence): string[] {
  const byReceipt = new Map(receipts.map((receipt) => [receipt.receiptId, receipt]));
  const there = new Set(arrived.map(describeArrival));
  return deliveries.flatMap(({ receiptId, destination, state, digestDelivered }) => {
    const receipt = byReceipt.get(receiptId);
    if (state !== 'confirmed' || receipt === undefined) return [];
    const { sopInstanceUid, digest } = receipt;
    const claimed = describeArrival({ archive: destination, sopInstanceUid, digest: digestDelivered ?? digest });
    return there.has(claimed) ? [] : [claimed];
  });
}

function stillOpen({ receipts, deliveries }: Evidence): string[] {
  const stuck = receipts.filter(({ state }) => state !== 'routed').map(({ receiptId, state }) => `receipt ${receiptId}: ${state}`);
  const open = deliveries.filter(({ state }) => state !== 'confirmed');
  return [...stuck, ...open.map(({ receiptId, destination, state }) => `delivery of ${receiptId} to ${destination}: ${state}`)];
}

function objectsWithoutRow({ objects, receipts }: Evidence): string[] {
  const known = new Set(receipts.map(({ receiptId }) => receiptId));
  return objects.filter((receiptId) => !known.has(receiptId));
}

function rowsWithoutObject({ objects, receipts }: Evidence): string[] {
  const there = new Set(objects);
  return receipts.map(({ receiptId }) => receiptId).filter((receiptId) => !there.has(receiptId));
}

/** Arrivals beyond one for each delivery that the ledger has: each reception is delivered once to each of its destinations. */
function countRepeats({ arrived, receipts, deliveries }: Evidence): { repeats: number; examples: string[] } {
  const uidOf = new Map(receipts.map(({ receiptId, sopInstanceUid }) => [receiptId, sopInstanceUid]));
  const due = Map.groupBy(deliveries, ({ receiptId, destination }) => `${destination}: ${uidOf.get(receiptId)}`);
  const came = Map.groupBy(arrived, ({ archive, sopInstanceUid }) => `${archive}: ${sopInstanceUid}`);
  const beyond = [...came].map(([what, list]) => ({ what, times: list.length - Math.max(1, due.get(what)?.length ?? 0) }));
  const repeated = beyond.filter(({ times }) => times > 0);
  return {
    repeats: repeated.reduce((sum, { times }) => sum + times, 0),
    examples: repeated.map(({ what, times }) => `${what}: ${times} too many`),
  };
}
