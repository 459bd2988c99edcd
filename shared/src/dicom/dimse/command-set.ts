// Command sets: group 0000 in implicit VR little endian (PS3.7 sections 6.3.1 and E.1).
import { COMMAND_ELEMENT, COMMAND_VR, type CommandElementName } from './command-elements.ts';

/** Not a command set; the message says where, never a value. */
export class CommandSetError extends Error {
  override readonly name = 'CommandSetError';
}

type Value = string | number | readonly number[];
export type CommandFields = Partial<Record<CommandElementName, Value>>;

/** What came from a peer. Values are slices of the bytes it was decoded from. */
export class CommandSet {
  readonly #values: ReadonlyMap<number, Buffer>;

  private constructor(values: ReadonlyMap<number, Buffer>) {
    this.#values = values;
  }

  /** Group length is not checked: it says nothing that the end of the last fragment does not. Throws CommandSetError. */
  static decode(bytes: Buffer): CommandSet {
    const values = new Map<number, Buffer>();
    let position = 0;
    while (position < bytes.length) {
      if (position + 8 > bytes.length) throw new CommandSetError(`command set ends within an element header at byte ${position}`);
      const group = bytes.readUInt16LE(position);
      if (group !== 0) throw new CommandSetError(`element of group ${hex(group)} in a command set at byte ${position}`);
      const element = bytes.readUInt16LE(position + 2);
      const end = position + 8 + bytes.readUInt32LE(position + 4);
      if (end > bytes.length) throw new CommandSetError(`(0000,${hex(element)}) ends beyond its command set of ${bytes.length} bytes`);
      values.set(element, bytes.subarray(position + 8, end));
      position = end;
    }
    return new CommandSet(values);
  }

  /** US; `undefined` if missing or not two bytes long. */
  number(name: CommandElementName): number | undefined {
    const value = this.#values.get(COMMAND_ELEMENT[name]);
    return value?.length === 2 ? value.readUInt16LE(0) : undefined;
  }

  /** AT, as 0xggggeeee; empty if missing. */
  tags(name: CommandElementName): number[] {
    const value = this.#values.get(COMMAND_ELEMENT[name]) ?? Buffer.alloc(0);
    const tags: number[] = [];
    for (let at = 0; at + 4 <= value.length; at += 4) tags.push(value.readUInt16LE(at) * 0x10000 + value.readUInt16LE(at + 2));
    return tags;
  }

  /** UI, AE, LO without padding; '' if missing. */
  text(name: CommandElementName): string {
    const value = this.#values.get(COMMAND_ELEMENT[name]);
    return value === undefined ? '' : value.toString('latin1').replace(PADDING, '');
  }
}

/** Some senders pad UIDs with spaces or several NULs. */
const PADDING = /^[\0 ]+|[\0 ]+$/g;

/** Elements in ascending order behind their group length; `undefined` fields are left out. */
export function encodeCommandSet(fields: CommandFields): Buffer {
  const names = (Object.keys(fields) as CommandElementName[]).filter((name) => fields[name] !== undefined);
  names.sort((left, right) => COMMAND_ELEMENT[left] - COMMAND_ELEMENT[right]);
  const elements = names.map((name) => encodeElement(name, fields[name] as Value));
  const length = elements.reduce((sum, element) => sum + element.length, 0);
  return Buffer.concat([encodeElement('commandGroupLength', length), ...elements]);
}

function encodeElement(name: CommandElementName, value: Value): Buffer {
  const bytes = encodeValue(name, value);
  const header = Buffer.alloc(8);
  header.writeUInt16LE(COMMAND_ELEMENT[name], 2);
  header.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

function encodeValue(name: CommandElementName, value: Value): Buffer {
  switch (COMMAND_VR[name]) {
    case 'UL':
      return numbers([value as number], 4);
    case 'US':
      return numbers([value as number], 2);
    case 'AT':
      return numbers(
        (value as readonly number[]).flatMap((tag) => [tag >>> 16, tag & 0xffff]),
        2,
      );
    case 'UI':
      return padded(value as string, '\0');
    default:
      return padded(value as string, ' ');
  }
}

function numbers(values: readonly number[], width: 2 | 4): Buffer {
  const bytes = Buffer.alloc(values.length * width);
  values.forEach((value, index) => {
    bytes.writeUIntLE(value, index * width, width);
  });
  return bytes;
}

/** Values have even length (PS3.5 section 6.2). */
function padded(text: string, padding: string): Buffer {
  return Buffer.from(text.length % 2 === 0 ? text : text + padding, 'latin1');
}

function hex(value: number): string {
  return value.toString(16).padStart(4, '0');
}
