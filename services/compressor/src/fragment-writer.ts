// Encapsulated pixel data: offset table, one fragment a frame, delimiter (PS3.5 section A.4).
import { explicitHeader, implicitHeader, UNDEFINED_LENGTH } from '@causeway/shared/dicom/part10/element';
import { offsetTables } from '@causeway/shared/dicom/part10/encapsulated-pixel-data';

const PIXEL_DATA = 0x7fe00010;
const ITEM = 0xfffee000;
const SEQUENCE_DELIMITER = 0xfffee0dd;

/**
 * Codestreams held until the last one's length is known: the Basic Offset Table stands in front of them, and the object's digest covers it.
 * An object of more gets an empty table, which PS3.5 section A.4 allows.
 */
const HELD_BYTES = 8 * 1024 * 1024;

export class FragmentWriter {
  readonly #write: (bytes: Buffer) => Promise<void>;
  readonly #mostHeldBytes: number;
  /** undefined: they were let go, and the next ones follow at once. */
  #held: Uint8Array[] | undefined = [];
  #bytes = 0;

  constructor(write: (bytes: Buffer) => Promise<void>, mostHeldBytes = HELD_BYTES) {
    this.#write = write;
    this.#mostHeldBytes = mostHeldBytes;
  }

  /** The codestream of the next frame, unpadded. */
  async add(codestream: Uint8Array): Promise<void> {
    this.#bytes += codestream.length;
    if (this.#held !== undefined && this.#bytes <= this.#mostHeldBytes) {
      this.#held.push(codestream);
      return;
    }
    await this.#letGo([]);
    await this.#writeFragment(codestream);
  }

  /** After the last frame. */
  async end(): Promise<void> {
    await this.#letGo(this.#held?.map(({ length }) => length) ?? []);
    await this.#write(implicitHeader(SEQUENCE_DELIMITER, 0));
  }

  async #letGo(lengths: number[]): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    await this.#write(pixelDataStart(lengths));
    for (const codestream of held) await this.#writeFragment(codestream);
  }

  /** Of even length: a byte 00 behind the codestream's end pads it. */
  async #writeFragment(codestream: Uint8Array): Promise<void> {
    const padding = codestream.length % 2;
    await this.#write(implicitHeader(ITEM, codestream.length + padding));
    await this.#write(Buffer.from(codestream.buffer, codestream.byteOffset, codestream.byteLength));
    if (padding === 1) await this.#write(Buffer.alloc(1));
  }
}

/** The element's header and its offset table. Less than 4 GiB, as native pixel data is, always has a basic one. */
function pixelDataStart(lengths: readonly number[]): Buffer {
  const { basic } = offsetTables(lengths);
  return Buffer.concat([explicitHeader(PIXEL_DATA, 'OB', UNDEFINED_LENGTH), implicitHeader(ITEM, basic.length), basic]);
}
