// What a stream of bytes really says, read in the plainest way and independently of our upper layer: the complete C-STORE messages in it, in order.
import { createHash } from 'node:crypto';

const PDU_HEADER = 6;
const P_DATA_TF = 4;
const C_STORE_RQ = 1;

/** SHA-256 of each data set that came whole behind a whole C-STORE-RQ, on one context. A reader may be stricter than this, never laxer. */
export function completeDataSets(stream: Buffer): string[] {
  const digests: string[] = [];
  let message = newMessage();
  for (const { contextId, control, bytes } of valuesOf(stream)) {
    const isCommand = (control & 1) === 1;
    if (message.contextId !== undefined && message.contextId !== contextId) break;
    if (isCommand !== (message.commandEnded === false)) break;
    message.contextId = contextId;
    (isCommand ? message.command : message.data).push(bytes);
    if ((control & 2) === 0) continue;
    if (isCommand) {
      const command = Buffer.concat(message.command);
      if (!hasDataSet(command)) message = newMessage();
      else Object.assign(message, { commandEnded: true, isStore: numberOf(command, 0x0100) === C_STORE_RQ });
    } else {
      if (message.isStore) digests.push(createHash('sha256').update(Buffer.concat(message.data)).digest('hex'));
      message = newMessage();
    }
  }
  return digests;
}

interface Message {
  contextId: number | undefined;
  commandEnded: boolean;
  isStore: boolean;
  readonly command: Buffer[];
  readonly data: Buffer[];
}
const newMessage = (): Message => ({ contextId: undefined, commandEnded: false, isStore: false, command: [], data: [] });

interface PresentationDataValue {
  readonly contextId: number;
  readonly control: number;
  readonly bytes: Buffer;
}

/** Every whole PDV of every whole P-DATA-TF, up to the first thing that is neither. */
function* valuesOf(stream: Buffer): Generator<PresentationDataValue> {
  for (let at = 0; at + PDU_HEADER <= stream.length; ) {
    const end = at + PDU_HEADER + stream.readUInt32BE(at + 2);
    if (end > stream.length) {
      // What is whole in a PDU that is cut off may have been taken.
      if (stream[at] === P_DATA_TF) yield* valuesIn(stream.subarray(at + PDU_HEADER));
      return;
    }
    if (stream[at] === P_DATA_TF) yield* valuesIn(stream.subarray(at + PDU_HEADER, end));
    at = end;
  }
}

function* valuesIn(body: Buffer): Generator<PresentationDataValue> {
  for (let at = 0; at + 6 <= body.length; ) {
    const end = at + 4 + body.readUInt32BE(at);
    if (end > body.length || end < at + 6) return;
    yield { contextId: body[at + 4]!, control: body[at + 5]!, bytes: body.subarray(at + 6, end) };
    at = end;
  }
}

/** Command Data Set Type (0000,0800) is not 0101 (PS3.7 section 9.3). */
const hasDataSet = (command: Buffer): boolean => numberOf(command, 0x0800) !== 0x0101;

/** A US of the command set, in implicit VR little endian; the last one counts, as it may for a reader that keeps one value a tag. */
function numberOf(command: Buffer, element: number): number | undefined {
  let found: number | undefined;
  for (let at = 0; at + 8 <= command.length; at += 8 + command.readUInt32LE(at + 4)) {
    const isWanted = command.readUInt16LE(at) === 0 && command.readUInt16LE(at + 2) === element;
    if (isWanted && at + 10 <= command.length && command.readUInt32LE(at + 4) >= 2) found = command.readUInt16LE(at + 8);
  }
  return found;
}
