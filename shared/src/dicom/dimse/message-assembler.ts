// Puts PDV fragments together into messages: the command is collected, the data set is handed on slice by slice (PS3.8 Annex E, PS3.7 section 6.3.1).
import { PduError, type PdvHeader } from '../upper-layer/pdu-reader.ts';
import { NO_DATA_SET } from './command-elements.ts';
import { CommandSet, CommandSetError } from './command-set.ts';

/** Every command of PS3.7 fits into 2 KiB; 64 KiB leaves room for whatever a peer adds, and bounds it. */
const MAX_COMMAND_BYTES = 64 * 1024;
const FIRST_COMMAND_BYTES = 512;
const INVALID_PARAMETER = 6;
const NOTHING = Buffer.alloc(0);
/** Between messages. No byte of a PDV says so, 0 neither: a peer may send that. */
const NO_CONTEXT = -1;

export interface MessageListener {
  /** A whole command. Its data set, if it has one, follows on the same context. */
  command(command: CommandSet, contextId: number, hasDataSet: boolean): void;
  /** A slice of the data set, never empty. */
  dataSetSlice(slice: Buffer): void;
  dataSetEnded(): void;
}

/** Throws PduError on what PS3.8 Annex E forbids: interleaved messages, data before its command, an oversized or broken command. */
export class MessageAssembler {
  readonly #listener: MessageListener;
  #command = NOTHING;
  #commandBytes = 0;
  /** Of the message under way. */
  #contextId = NO_CONTEXT;
  #expectsDataSet = false;

  constructor(listener: MessageListener) {
    this.#listener = listener;
  }

  /** Between messages nothing has begun. */
  get isIdle(): boolean {
    return this.#contextId === NO_CONTEXT;
  }

  fragment(pdv: PdvHeader, slice: Buffer, complete: boolean): void {
    if (this.#contextId === NO_CONTEXT) this.#contextId = pdv.contextId;
    if (pdv.contextId !== this.#contextId) {
      throw new PduError(INVALID_PARAMETER, `fragment on context ${pdv.contextId} within a message on context ${this.#contextId}`);
    }
    if (pdv.isCommand === this.#expectsDataSet) {
      const found = pdv.isCommand ? 'command fragment before the end of a data set' : 'data set fragment without a command';
      throw new PduError(INVALID_PARAMETER, `${found} (PS3.8 Annex E)`);
    }
    if (this.#expectsDataSet) this.#dataFragment(pdv, slice, complete);
    else this.#commandFragment(pdv, slice, complete);
  }

  #dataFragment(pdv: PdvHeader, slice: Buffer, complete: boolean): void {
    const isLast = complete && pdv.isLast;
    if (isLast) {
      this.#expectsDataSet = false;
      this.#contextId = NO_CONTEXT;
    }
    if (slice.length > 0) this.#listener.dataSetSlice(slice);
    if (isLast) this.#listener.dataSetEnded();
  }

  /** Copied: it may come in pieces, and is read after the socket's buffer was used again. */
  #commandFragment(pdv: PdvHeader, slice: Buffer, complete: boolean): void {
    const isLast = complete && pdv.isLast;
    const bytes = this.#collect(slice);
    if (!isLast) return;
    this.#commandBytes = 0;
    this.#command = NOTHING;
    this.#commandComplete(decode(bytes));
  }

  #collect(slice: Buffer): Buffer {
    const end = this.#commandBytes + slice.length;
    if (end > MAX_COMMAND_BYTES) throw new PduError(INVALID_PARAMETER, `command of more than ${MAX_COMMAND_BYTES} bytes`);
    if (end > this.#command.length)
      this.#command = Buffer.concat([this.#command], Math.max(end, this.#command.length * 2, FIRST_COMMAND_BYTES));
    slice.copy(this.#command, this.#commandBytes);
    this.#commandBytes = end;
    return this.#command.subarray(0, end);
  }

  #commandComplete(command: CommandSet): void {
    const contextId = this.#contextId;
    this.#expectsDataSet = command.number('commandDataSetType') !== NO_DATA_SET;
    if (!this.#expectsDataSet) this.#contextId = NO_CONTEXT;
    this.#listener.command(command, contextId, this.#expectsDataSet);
  }
}

function decode(bytes: Buffer): CommandSet {
  try {
    const command = CommandSet.decode(bytes);
    const missing = (['commandField', 'commandDataSetType'] as const).find((name) => command.number(name) === undefined);
    if (missing !== undefined) throw new CommandSetError(`command set without ${missing}`);
    return command;
  } catch (error) {
    if (error instanceof CommandSetError) throw new PduError(INVALID_PARAMETER, error.message);
    throw error;
  }
}
