// For tests: an SCP on a free port that keeps what it is told, and whose sinks can be replaced.
import { createHash } from 'node:crypto';
import type { AssociationEnd } from '../upper-layer/association.ts';
import {
  type CStoreRequest,
  createScp,
  type DataSetSink,
  type DimseStatus,
  type ListenOptions,
  type ScpEvent,
  type ScpHandlers,
  type ScpLimits,
} from './scp.ts';

export const VERIFICATION = '1.2.840.10008.1.1';
export const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
export const TEST_IMPLEMENTATION = { classUid: '1.2.3.4.5', versionName: 'TEST' };

export const TEST_LIMITS: ScpLimits = {
  associations: 10,
  associationsPerSource: 10,
  maxPduBytes: 131_072,
  idleMs: 60_000,
  artimMs: 30_000,
};

export interface StoredDataSet {
  readonly request: CStoreRequest;
  readonly sha256: string;
  readonly bytes: number;
}

export interface FixtureOptions extends Partial<ScpHandlers> {
  readonly limits?: Partial<ScpLimits>;
  readonly tls?: ListenOptions['tls'];
  readonly proxyProtocol?: boolean;
}

/** A queue of facts to wait for. */
class Facts<T> {
  readonly #facts: T[] = [];
  readonly #waiting: ((fact: T) => void)[] = [];

  add(fact: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#facts.push(fact);
    else waiting(fact);
  }

  next(): Promise<T> {
    const fact = this.#facts.shift();
    return fact === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(fact);
  }
}

export async function startScp(options: FixtureOptions = {}) {
  const stored: StoredDataSet[] = [];
  const ends = new Facts<AssociationEnd>();
  const events = new Facts<ScpEvent>();
  const handlers: ScpHandlers = {
    associationRequested: (request) => ({ contexts: request.contexts.map(acceptFirst) }),
    storeRequested: (_association, request) => hashingSink(request, stored),
    associationEnded: (_association, end) => ends.add(end),
    ...options,
  };
  const limits = { ...TEST_LIMITS, ...options.limits };
  const scp = createScp({ handlers, limits: () => limits, implementation: TEST_IMPLEMENTATION, report: (event) => events.add(event) });
  const { tls, proxyProtocol = false } = options;
  const listener = await scp.listen({ id: 'test', host: '127.0.0.1', port: 0, tls, proxyProtocol });
  return {
    port: listener.port,
    listener,
    scp,
    stored,
    get openAssociations() {
      return scp.openAssociations;
    },
    nextEnd: () => ends.next(),
    nextEvent: () => events.next(),
    [Symbol.asyncDispose]: () => scp.drain(0),
  };
}

/** Verification and storage classes with the first syntax that was proposed. */
function acceptFirst(context: { id: number; abstractSyntaxUid: string; transferSyntaxUids: string[] }) {
  const isKnown = context.abstractSyntaxUid === VERIFICATION || context.abstractSyntaxUid.startsWith('1.2.840.10008.5.1.4.1.1.');
  return { id: context.id, result: isKnown ? 0 : 3, transferSyntaxUid: context.transferSyntaxUids[0] ?? '' } as const;
}

export function hashingSink(request: CStoreRequest, stored: StoredDataSet[]): DataSetSink {
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    write(chunk) {
      hash.update(chunk);
      bytes += chunk.length;
      return undefined;
    },
    async end(): Promise<DimseStatus> {
      stored.push({ request, sha256: hash.digest('hex'), bytes });
      return { status: 0 };
    },
    abort() {},
  };
}
