// For tests: a DICOM peer made of bytes, which can do what no toolkit does.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ProposedContext } from '../upper-layer/association.ts';
import { PDU_TYPE } from '../upper-layer/pdu-fields.ts';
import { PduReader } from '../upper-layer/pdu-reader.ts';
import { encodeAssociateRequest, encodeDataHeader } from '../upper-layer/pdu-writer.ts';
import { type CommandFields, CommandSet, encodeCommandSet } from './command-set.ts';
import { CT_IMAGE_STORAGE, TEST_IMPLEMENTATION, VERIFICATION } from './scp-for-tests.ts';

export interface ReceivedPdu {
  readonly type: number;
  readonly body: Buffer;
}

export const RAW_CONTEXTS: ProposedContext[] = [
  { id: 1, abstractSyntaxUid: VERIFICATION, transferSyntaxUids: ['1.2.840.10008.1.2'] },
  { id: 3, abstractSyntaxUid: CT_IMAGE_STORAGE, transferSyntaxUids: ['1.2.840.10008.1.2.1'] },
];

export class RawPeer {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  readonly #pdus: (ReceivedPdu | 'closed')[] = [];
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    const commands: Buffer[] = [];
    const reader = new PduReader(
      {
        dataBegan: () => undefined,
        fragment: (pdv, slice, complete) => {
          commands.push(slice);
          if (complete && pdv.isLast) this.#add({ type: PDU_TYPE.pDataTf, body: Buffer.concat(commands.splice(0)) });
        },
        pdu: (type, body) => this.#add({ type, body }),
        failed: (error) => socket.destroy(error),
      },
      0,
    );
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.on('error', () => socket.destroy());
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.once('close', () => this.#add('closed'));
  }

  /** The next PDU, a whole command for P-DATA-TF; or the end. */
  async next(): Promise<ReceivedPdu | 'closed'> {
    while (this.#pdus.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#pdus.shift() as ReceivedPdu | 'closed';
  }

  /** Type and body of the next PDU in hex, for short ones. */
  async nextHex(): Promise<string> {
    const pdu = await this.next();
    return pdu === 'closed' ? pdu : `${pdu.type} ${pdu.body.toString('hex')}`;
  }

  async nextResponse(): Promise<{ field: number; messageId: number; status: number; command: CommandSet }> {
    const pdu = await this.next();
    if (pdu === 'closed' || pdu.type !== PDU_TYPE.pDataTf) throw new Error(`no response but ${pdu === 'closed' ? pdu : `PDU ${pdu.type}`}`);
    const command = CommandSet.decode(pdu.body);
    const number = (name: 'commandField' | 'messageIdBeingRespondedTo' | 'status') => command.number(name) ?? -1;
    return { field: number('commandField'), messageId: number('messageIdBeingRespondedTo'), status: number('status'), command };
  }

  send(...parts: Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Every byte in a packet of its own, as far as the kernel lets it. */
  async sendByteByByte(bytes: Buffer): Promise<void> {
    for (const byte of bytes) await new Promise((resolve) => this.socket.write(Buffer.from([byte]), resolve));
  }

  #add(pdu: ReceivedPdu | 'closed'): void {
    this.#pdus.push(pdu);
    this.#wake?.();
  }
}

export async function connectRaw(port: number): Promise<RawPeer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return new RawPeer(socket);
}

export function associateRq(contexts: readonly ProposedContext[] = RAW_CONTEXTS, maxPduBytes = 16_384): Buffer {
  return encodeAssociateRequest({ calledAe: 'GATEWAY', callingAe: 'RAW', contexts, maxPduBytes, implementation: TEST_IMPLEMENTATION });
}

/** Connected and accepted. */
export async function associateRaw(port: number, request = associateRq()): Promise<RawPeer> {
  const peer = await connectRaw(port);
  peer.send(request);
  const answer = await peer.next();
  if (answer === 'closed' || answer.type !== PDU_TYPE.associateAc) throw new Error('not accepted');
  return peer;
}

export function storeRq(messageId: number, more: CommandFields = {}): Buffer {
  return encodeCommandSet({
    affectedSopClassUid: CT_IMAGE_STORAGE,
    commandField: 1,
    messageId,
    priority: 0,
    commandDataSetType: 1,
    affectedSopInstanceUid: `1.2.3.${messageId}`,
    ...more,
  });
}

export function echoRq(messageId: number): Buffer {
  return encodeCommandSet({ affectedSopClassUid: VERIFICATION, commandField: 0x30, messageId, commandDataSetType: 0x0101 });
}

/** One PDV item, without a PDU around it. */
export function pdv(contextId: number, control: number, bytes: Buffer): Buffer {
  return Buffer.concat([
    encodeDataHeader({ contextId, isCommand: (control & 1) === 1, isLast: (control & 2) === 2 }, bytes.length).subarray(6),
    bytes,
  ]);
}

/** A P-DATA-TF of these PDVs. */
export function dataPdu(...pdvs: Buffer[]): Buffer {
  const body = Buffer.concat(pdvs);
  const header = Buffer.from([PDU_TYPE.pDataTf, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

export const COMMAND = 3;
export const DATA = 0;
export const LAST_DATA = 2;

/** A C-STORE of small PDUs, one PDV each. */
export function storeMessage(messageId: number, data: Buffer, pduBytes = 16_000): Buffer {
  const pdus = [dataPdu(pdv(3, COMMAND, storeRq(messageId)))];
  for (let at = 0; at < data.length || at === 0; at += pduBytes) {
    const isLast = at + pduBytes >= data.length;
    pdus.push(dataPdu(pdv(3, isLast ? LAST_DATA : DATA, data.subarray(at, at + pduBytes))));
  }
  return Buffer.concat(pdus);
}
