// What an association came to, counted: responses by operation and status, instances and bytes stored.
import { COMMAND_FIELD } from './command-elements.ts';
import { isStored } from './statuses.ts';

const NAMES: Readonly<Record<number, string>> = {
  [COMMAND_FIELD.cStoreRq]: 'C-STORE',
  [COMMAND_FIELD.cEchoRq]: 'C-ECHO',
  [COMMAND_FIELD.nActionRq]: 'N-ACTION',
  [COMMAND_FIELD.nEventReportRq]: 'N-EVENT-REPORT',
};
/** A peer may try every command field there is. */
const MAX_KINDS = 64;
const REST = 'others';

export class OperationTally {
  readonly responses = new Map<string, number>();
  instances = 0;
  bytes = 0;

  responded(commandField: number, status: number): void {
    if (commandField === COMMAND_FIELD.cStoreRq && isStored(status)) this.instances += 1;
    const kind = `${NAMES[commandField] ?? `command ${hex(commandField)}`} ${hex(status)}`;
    const counted = this.responses.has(kind) || this.responses.size < MAX_KINDS ? kind : REST;
    this.responses.set(counted, (this.responses.get(counted) ?? 0) + 1);
  }

  /** Bytes of a data set that came with a command. */
  dataSetBytes(commandField: number | undefined, bytes: number): void {
    if (commandField === COMMAND_FIELD.cStoreRq) this.bytes += bytes;
  }
}

const hex = (value: number): string => value.toString(16).padStart(4, '0').toUpperCase();
