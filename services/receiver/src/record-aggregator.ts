// Bounds how many negotiation records there are: the first of a kind is told at once, and so are some more of those that brought something; the rest of a
// window is told as one, with counts summed up. A port scanner or a balancer's health check writes two rows in five minutes, not three hundred.
import type { AssociationRecord } from '@causeway/shared/events/association-record';

export interface RecordAggregatorOptions {
  readonly tell: (record: AssociationRecord) => void;
  readonly windowMs: number;
  /** Of one kind told by themselves in a window: those that stored or asked for something, and the others. */
  readonly individually: { readonly busy: number; readonly idle: number };
  /** Kinds told apart in a window; what is beyond counts as one of its outcome, from various sources. */
  readonly maxKinds: number;
}

interface Kind {
  readonly opensUntil: number;
  told: number;
  sum: AssociationRecord | undefined;
}

export class RecordAggregator {
  readonly #options: RecordAggregatorOptions;
  readonly #kinds = new Map<string, Kind>();

  constructor(options: RecordAggregatorOptions) {
    this.#options = options;
  }

  /** `now`: ms of any clock that only goes forward. */
  add(record: AssociationRecord, now: number): void {
    const { kind, known } = this.#kindOf(record, now);
    const { busy, idle } = this.#options.individually;
    if (kind.told < (isBusy(record) ? busy : idle)) {
      kind.told += 1;
      this.#options.tell(known);
    } else kind.sum = kind.sum === undefined ? known : merged(kind.sum, known);
  }

  /** Tells the sums of the windows that are over. */
  look(now: number): void {
    for (const [key, kind] of this.#kinds) if (kind.opensUntil <= now) this.#close(key, kind);
  }

  /** Tells everything. */
  flush(): void {
    for (const [key, kind] of this.#kinds) this.#close(key, kind);
  }

  #kindOf(record: AssociationRecord, now: number): { kind: Kind; known: AssociationRecord } {
    const key = keyOf(record);
    const isKnown = this.#kinds.has(key) || this.#kinds.size < this.#options.maxKinds;
    const known = isKnown ? record : anonymous(record);
    const kept = isKnown ? key : keyOf(known);
    const kind = this.#kinds.get(kept) ?? {
      opensUntil: now + this.#options.windowMs,
      told: isKnown ? 0 : Number.POSITIVE_INFINITY,
      sum: undefined,
    };
    this.#kinds.set(kept, kind);
    return { kind, known };
  }

  #close(key: string, { sum }: Kind): void {
    this.#kinds.delete(key);
    if (sum !== undefined) this.#options.tell(sum);
  }
}

const isBusy = ({ responses }: AssociationRecord): boolean => Object.keys(responses).some((kind) => !kind.startsWith('C-ECHO'));

function keyOf(record: AssociationRecord): string {
  const { source, listener, callingAe, calledAe, outcome, event, reject } = record;
  return JSON.stringify([source, listener, callingAe, calledAe, outcome, event, reject, isBusy(record)]);
}

function anonymous({ id, outcome, count, startedAt, endedAt, instances, dataSetBytes, responses }: AssociationRecord): AssociationRecord {
  const detail = 'too many different ones to be told apart';
  return { id, outcome, detail, count, startedAt, endedAt, source: 'various', contexts: [], instances, dataSetBytes, responses };
}

/** Beyond it the responses of a sum are not told apart any more. */
const MAX_RESPONSES = 64;

/** The negotiation is that of the later one. */
function merged(sum: AssociationRecord, record: AssociationRecord): AssociationRecord {
  const responses = { ...sum.responses };
  for (const [kind, count] of Object.entries(record.responses)) {
    const counted = Object.hasOwn(responses, kind) || Object.keys(responses).length < MAX_RESPONSES ? kind : 'others';
    responses[counted] = (responses[counted] ?? 0) + count;
  }
  return {
    ...record,
    id: sum.id,
    startedAt: sum.startedAt,
    count: sum.count + record.count,
    instances: sum.instances + record.instances,
    dataSetBytes: sum.dataSetBytes + record.dataSetBytes,
    responses,
  };
}
