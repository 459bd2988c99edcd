// Associations that stored something and are over, some at a time: how each ended says whether its studies are complete. Records of associations (record-aggregator.ts) are too few for that.
import type { AssociationRecord } from '@causeway/shared/events/association-record';
import type { FactOf } from '@causeway/shared/events/facts';

type Closed = FactOf<'ledger.associations.closed'>['associations'][number];

/** Nobody waits for it, and the facts of one moment are one. */
const TOGETHER_MS = 500;
/** Of one fact, some 100 bytes each. */
const MOST_TOGETHER = 500;

export class ClosedAssociations {
  readonly #tell: (associations: Closed[]) => void;
  #waiting: Closed[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (associations: Closed[]) => void) {
    this.#tell = tell;
  }

  add({ id, outcome, endedAt, instances, dataSetBytes }: AssociationRecord): void {
    if (instances === 0 && dataSetBytes === 0) return;
    this.#waiting.push({ id, outcome, endedAt });
    if (this.#waiting.length >= MOST_TOGETHER) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), TOGETHER_MS);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const associations = this.#waiting;
    this.#waiting = [];
    if (associations.length > 0) this.#tell(associations);
  }
}
