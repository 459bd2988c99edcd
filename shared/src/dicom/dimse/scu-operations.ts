// The operations on an association of ours: one at a time, its data set streamed as the peer takes it; and between two messages of ours the answers to what the
// peer requests (PS3.7 sections 9 and 10).
import { PduError } from '../upper-layer/pdu-reader.ts';
import { encodeCommand } from '../upper-layer/pdu-writer.ts';
import type { UpperLayerConnection } from '../upper-layer/upper-layer-connection.ts';
import { AssociationLost } from './association-errors.ts';
import { COMMAND_FIELD, DATA_SET_FOLLOWS, NO_DATA_SET, RESPONSE_BIT } from './command-elements.ts';
import { type CommandFields, type CommandSet, encodeCommandSet } from './command-set.ts';
import { DataSetPacker } from './data-set-packer.ts';
import { PendingOperation } from './pending-operation.ts';
import type { DimseStatus } from './scp.ts';
import type { OutgoingMessage } from './scu.ts';

export interface ScuOperationsOptions {
  readonly connection: UpperLayerConnection;
  readonly maxFragmentBytes: number;
  /** A response after the last byte was sent, and any stall while sending. */
  readonly responseMs: number;
}

const VERIFICATION_SOP_CLASS = '1.2.840.10008.1.1';
const MAX_MESSAGE_ID = 0xffff;
const INVALID_PARAMETER = 6;

export class ScuOperations {
  readonly #options: ScuOperationsOptions;
  #messageId = 0;
  #operation: PendingOperation | undefined;
  /** A message of ours is on the wire in part: nothing may come between its fragments (PS3.8 Annex E). */
  #isSending = false;
  #unsent: Buffer[] = [];
  #whenDrained: (() => void) | undefined;

  constructor(options: ScuOperationsOptions) {
    this.#options = options;
  }

  echo(contextId: number): Promise<DimseStatus> {
    const operation = this.#begin(COMMAND_FIELD.cEchoRq);
    const command = this.#command(operation, { affectedSopClassUid: VERIFICATION_SOP_CLASS, commandDataSetType: NO_DATA_SET });
    this.#options.connection.sendData([encodeCommand(contextId, command, this.#options.maxFragmentBytes)]);
    operation.sent();
    return operation.answer;
  }

  /** `fields`: what the command says beside its data set, which follows. */
  request(commandField: number, message: OutgoingMessage, fields: CommandFields): Promise<DimseStatus> {
    const operation = this.#begin(commandField);
    const command = this.#command(operation, { ...fields, commandDataSetType: DATA_SET_FOLLOWS });
    // Not awaited: the loss of the association must come out although the data set's source may hang.
    void this.#send(operation, message, command).catch((error: unknown) => this.#sourceFailed(operation, error));
    return operation.answer;
  }

  /** A response to the peer: at once, or behind the message that is being sent. */
  respond(contextId: number, command: Buffer): void {
    const pdus = encodeCommand(contextId, command, this.#options.maxFragmentBytes);
    if (this.#isSending) this.#unsent.push(pdus);
    else this.#options.connection.sendData([pdus]);
  }

  /** A response of the peer. Throws PduError if it is not to our request. */
  answered(command: CommandSet): void {
    const field = command.number('commandField') as number;
    const messageId = command.number('messageIdBeingRespondedTo');
    const operation = this.#operation;
    if (operation === undefined || messageId !== operation.messageId || field !== (operation.commandField | RESPONSE_BIT)) {
      throw new PduError(INVALID_PARAMETER, `response ${field.toString(16)} to message ${messageId}, which is not under way`);
    }
    const status = command.number('status');
    if (status === undefined) throw new PduError(INVALID_PARAMETER, 'response without a status');
    operation.answered(statusOf(command, status));
  }

  drained(): void {
    this.#operation?.progress();
    this.#wakeSender();
  }

  /** The association is over. */
  end(lost: AssociationLost): void {
    this.#operation?.fail(lost);
    this.#wakeSender();
  }

  #begin(commandField: number): PendingOperation {
    const { connection, responseMs } = this.#options;
    if (!connection.isEstablished) throw new AssociationLost('the association is over');
    if (this.#operation !== undefined) throw new Error('one operation at a time on an association');
    this.#messageId = this.#messageId === MAX_MESSAGE_ID ? 1 : this.#messageId + 1;
    const operation = new PendingOperation({
      messageId: this.#messageId,
      commandField,
      limitMs: responseMs,
      lastReadAt: () => connection.lastReadAt,
      onSilence: () => connection.abort({ kind: 'timed-out', detail: `no answer and no progress for ${responseMs} ms` }),
      onSettled: () => {
        this.#operation = undefined;
      },
    });
    this.#operation = operation;
    return operation;
  }

  #command(operation: PendingOperation, fields: CommandFields): Buffer {
    return encodeCommandSet({ commandField: operation.commandField, messageId: operation.messageId, ...fields });
  }

  async #send(operation: PendingOperation, message: OutgoingMessage, command: Buffer): Promise<void> {
    const { maxFragmentBytes } = this.#options;
    const packer = new DataSetPacker(message.contextId, maxFragmentBytes);
    // The command leaves with the first full PDV, so that a small instance is one system call.
    let unsent: Buffer[] = [encodeCommand(message.contextId, command, maxFragmentBytes)];
    operation.waitsForSource = true;
    for await (const chunk of message.dataSet) {
      if (operation.isSettled) return;
      const pdus = packer.add(chunk);
      if (pdus.length === 0) continue;
      await this.#write(operation, unsent.concat(pdus));
      unsent = [];
      if (operation.isSettled) return;
    }
    await this.#write(operation, unsent.concat(packer.end()), 'last');
    operation.sent();
  }

  async #write(operation: PendingOperation, parts: Buffer[], place?: 'last'): Promise<void> {
    if (operation.isSettled) return;
    operation.waitsForSource = false;
    this.#isSending = place !== 'last';
    // What was held back may follow at once.
    const behind = this.#isSending ? [] : this.#unsent.splice(0);
    if (!this.#options.connection.sendData([...parts, ...behind])) await this.#drain();
    operation.waitsForSource = true;
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenDrained = resolve;
    });
  }

  #wakeSender(): void {
    this.#whenDrained?.();
    this.#whenDrained = undefined;
  }

  #sourceFailed(operation: PendingOperation, error: unknown): void {
    operation.fail(error);
    this.#options.connection.abort({ kind: 'aborted-by-us', detail: 'the data set could not be read' });
  }
}

function statusOf(command: CommandSet, status: number): DimseStatus {
  const comment = command.text('errorComment');
  const offendingElements = command.tags('offendingElement');
  return { status, ...(comment === '' ? {} : { comment }), ...(offendingElements.length === 0 ? {} : { offendingElements }) };
}
