// Mutations that know what PDUs are: types, lengths, PDV headers, order; and splices of two conversations.
import type { Conversation } from './corpus.ts';
import { type Below, mutatedBytes, pick } from './random.ts';

const PDU_HEADER = 6;
const P_DATA_TF = 4;

type PduMutation = (pdus: Buffer[], below: Below, others: readonly Conversation[]) => Buffer[];

/** The request is needed for everything behind it to be looked at: it is left alone more often than not. */
const place = (pdus: Buffer[], below: Below): number => (pdus.length > 1 && below(12) > 0 ? 1 + below(pdus.length - 1) : 0);

const replaced = (pdus: Buffer[], at: number, ...by: Buffer[]): Buffer[] => [...pdus.slice(0, at), ...by, ...pdus.slice(at + 1)];

const edited = (pdu: Buffer, edit: (copy: Buffer) => void): Buffer => {
  const copy = Buffer.from(pdu);
  edit(copy);
  return copy;
};

const EDGE_LENGTHS = [0, 1, 2, 3, 4, 5, 6, 0x7fff_ffff, 0xffff_ffff, 131_072, 131_073, 65_536];

/** A length somewhat or wholly wrong. */
const wrongLength = (length: number, below: Below): number =>
  below(2) === 0 ? pick(EDGE_LENGTHS, below) : Math.min(0xffff_ffff, Math.max(0, length + below(21) - 10));

const MUTATIONS: readonly PduMutation[] = [
  (pdus, below) => {
    const at = place(pdus, below);
    return replaced(pdus, at, mutatedBytes(pdus[at]!, below));
  },
  (pdus, below) => {
    const at = place(pdus, below);
    return replaced(
      pdus,
      at,
      edited(pdus[at]!, (pdu) => pdu.length > 0 && pdu.writeUInt8(below(10), 0)),
    );
  },
  (pdus, below) => {
    const at = place(pdus, below);
    return replaced(
      pdus,
      at,
      edited(pdus[at]!, (pdu) => pdu.length >= PDU_HEADER && pdu.writeUInt32BE(wrongLength(pdu.readUInt32BE(2), below), 2)),
    );
  },
  (pdus, below) => {
    const at = place(pdus, below);
    return replaced(
      pdus,
      at,
      edited(pdus[at]!, (pdu) => changePdv(pdu, below)),
    );
  },
  (pdus, below) => replaced(pdus, place(pdus, below)),
  (pdus, below) => {
    const at = place(pdus, below);
    return replaced(pdus, at, pdus[at]!, pdus[at]!);
  },
  (pdus, below) => {
    const [one, other] = [place(pdus, below), place(pdus, below)];
    return pdus.map((pdu, at) => (at === one ? pdus[other]! : at === other ? pdus[one]! : pdu));
  },
  (pdus, below, others) => {
    const other = pick(others, below);
    return [...pdus.slice(0, place(pdus, below)), ...other.slice(below(other.length))];
  },
  (pdus, below, others) => {
    const at = place(pdus, below);
    return replaced(pdus, at, pdus[at]!, pick(pick(others, below), below));
  },
  (pdus, below) => {
    const at = place(pdus, below);
    return [...pdus.slice(0, at), pdus[at]!.subarray(0, below(pdus[at]!.length + 1))];
  },
];

/** Length, context id or message control header of a PDV (PS3.8 section 9.3.5.1). */
function changePdv(pdu: Buffer, below: Below): void {
  if (pdu.length < PDU_HEADER + 6 || pdu[0] !== P_DATA_TF) return;
  const what = below(3);
  if (what === 0) pdu.writeUInt32BE(wrongLength(pdu.readUInt32BE(PDU_HEADER), below), PDU_HEADER);
  else if (what === 1) pdu.writeUInt8(below(12), PDU_HEADER + 4);
  else pdu.writeUInt8(below(8), PDU_HEADER + 5);
}

const MOST_MUTATIONS = 4;
const MOST_PDUS = 60;

/** One in sixteen conversations is left as it is: it must be understood as well. */
export function mutatedStream(corpus: readonly Conversation[], below: Below): Buffer {
  let pdus = [...pick(corpus, below)];
  const mutations = below(16) === 0 ? 0 : 1 + below(MOST_MUTATIONS);
  for (let count = 0; count < mutations && pdus.length > 0; count++) pdus = pick(MUTATIONS, below)(pdus, below, corpus).slice(0, MOST_PDUS);
  const bytes = Buffer.concat(pdus);
  return mutations > 0 && below(6) === 0 ? mutatedBytes(bytes, below) : bytes;
}
