// One mutated stream against the real receiver: SCP, negotiation, sink, scanner and custody, on a store and a bus in memory. What must hold afterwards is checked.
import { createHash } from 'node:crypto';
import type { PublishOptions } from '@causeway/shared/bus/bus';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { createHeaderReader } from '@causeway/shared/config/header-reader';
import { CommandSet } from '@causeway/shared/dicom/dimse/command-set';
import type { ScpEvent, ScpOptions } from '@causeway/shared/dicom/dimse/scp';
import { type AssociationHost, ScpAssociation } from '@causeway/shared/dicom/dimse/scp-association';
import { readCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { PduReader } from '@causeway/shared/dicom/upper-layer/pdu-reader';
import { PublicationRefused, TransientError } from '@causeway/shared/errors';
import { type InstanceReceived, instanceReceived } from '@causeway/shared/events/instance';
import { createLogger } from '@causeway/shared/logger';
import type { ObjectUpload } from '@causeway/shared/object-store/object-store';
import { answerAssociation } from '../../services/receiver/src/answer-association.ts';
import { type ReceiveParts, receiveInstance } from '../../services/receiver/src/receive.ts';
import { conversations, dataSetCorpus } from './corpus.ts';
import { MemorySocket } from './memory-socket.ts';
import { mutatedStream } from './pdu-mutations.ts';
import { type Below, chunksOf, seeded } from './random.ts';
import { completeDataSets } from './sent-messages.ts';

/** An association that is not over when the peer has left for so long hangs. Far longer than anything here takes, on a busy machine too. */
const HANG_MS = 20_000;
const NOT_CLOSED = 'the connection was not closed after the peer had left';

const document = parseGatewayDocument({
  facilities: [{ id: 'main', match: [{}] }],
  negotiation: { callers: [{ callingAe: 'FUZZ1', tolerate: ['uid-padding', 'group2-in-dataset', 'uid-mismatch'], maxPduBytes: 16_384 }] },
});
const header = createHeaderReader(document);
const log = createLogger('fuzz', 'silent');

/** What came of one input, in words to be counted; throws an Error that tells what did not hold. */
export type RunInput = (seed: number) => Promise<string[]>;

/** The corpus is read once. */
export function streamFuzzing(): RunInput {
  const corpus = conversations(dataSetCorpus());
  return async (seed) => {
    const below = seeded(seed);
    const stream = mutatedStream(corpus, below);
    const receiver = new ReceiverUnderFuzz(below);
    await receiver.take(stream, below);
    return receiver.outcomes(stream);
  };
}

class ReceiverUnderFuzz {
  readonly objects = new Map<string, Buffer>();
  readonly published: InstanceReceived[] = [];
  readonly #events: ScpEvent[] = [];
  readonly #answers: string[] = [];
  readonly #options: ScpOptions;
  /** Of store and broker: how often something is wrong with them, in 1/64. */
  readonly #faults: number;
  readonly #below: Below;
  #openUploads = 0;
  #end = 'no association';

  constructor(below: Below) {
    this.#below = seeded(below(2 ** 30));
    this.#faults = below(8) === 0 ? 16 : 0;
    const parts = this.#receiveParts();
    this.#options = {
      handlers: {
        associationRequested: (request) => answerAssociation(document, request),
        storeRequested: (association, request) => receiveInstance(parts, association, request),
        associationEnded: (_association, end) => {
          this.#end = end.kind;
        },
        associationRejected: () => {
          this.#end = 'rejected';
        },
      },
      limits: () => ({ associations: 1e6, associationsPerSource: 1e6, maxPduBytes: 131_072, idleMs: 60_000, artimMs: 30_000 }),
      implementation: { classUid: '1.2.3', versionName: 'FUZZ' },
      report: (event) => this.#events.push(event),
    };
  }

  /** Resolves when the association is over and everything that it began. */
  async take(stream: Buffer, below: Below): Promise<void> {
    const request = requestBytes(stream);
    // One peer in sixteen does not wait for the answer to its request.
    const wait = below(16) === 0 ? Infinity : request;
    const socket = new MemorySocket(requestFirst(stream, request, below), wait);
    const host: AssociationHost = {
      options: this.#options,
      refusalFor: () => undefined,
      associationOpened: () => {},
      associationOver: () => {},
      connectionClosed: () => {},
    };
    new ScpAssociation(host, socket.asSocket(), { address: socket.remoteAddress, port: socket.remotePort, listener: 'fuzz' });
    await inTime(socket.closedPromise);
    // What was under way when the connection broke goes on to its end.
    for (let turns = 0; this.#openUploads > 0; turns++) {
      if (turns > 10_000) throw new Error(`${this.#openUploads} uploads were neither committed nor discarded`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#readAnswers(socket.written);
  }

  outcomes(stream: Buffer): string[] {
    for (const { kind, detail } of this.#events) if (kind === 'internal-error') throw new Error(`internal error: ${detail}`);
    this.#checkStored(completeDataSets(stream));
    const reported = new Set(this.#events.map(({ kind }) => kind));
    return [this.#end, ...this.#answers, ...reported, ...this.published.map(() => 'stored')];
  }

  /** In order, nothing that was not sent whole, and every one that was answered 0000; what lies in the store is what was sent. */
  #checkStored(sent: readonly string[]): void {
    let at = -1;
    for (const { instance } of this.published) {
      at = sent.indexOf(instance.digest, at + 1);
      if (at === -1) throw new Error('a data set was announced that was not sent whole, or not in this order');
      const object = this.objects.get(instance.objectKey);
      if (object === undefined) throw new Error('an object was announced that is not in the store');
      const { meta, dataSetOffset } = parseFileMeta(object)!;
      if (readCustodyMeta(meta)?.digest !== instance.digest) throw new Error('the object says another digest of itself than the event');
      const data = object.subarray(dataSetOffset);
      if (sha256(data) !== instance.digest || object.length !== instance.size) throw new Error('what was stored is not what was sent');
    }
    if (this.objects.size !== this.published.length)
      throw new Error(`${this.objects.size} objects stored, ${this.published.length} announced`);
    const successes = this.#answers.filter((answer) => answer === 'C-STORE 0000').length;
    if (successes > this.published.length) throw new Error(`${successes} times 0000, ${this.published.length} stored`);
  }

  #readAnswers(written: readonly Buffer[]): void {
    const command: Buffer[] = [];
    const reader = new PduReader(
      {
        dataBegan: () => undefined,
        pdu: () => undefined,
        failed: (error) => {
          throw error;
        },
        fragment: (pdv, slice, complete) => {
          command.push(slice);
          if (complete && pdv.isLast) this.#answers.push(answerOf(CommandSet.decode(Buffer.concat(command.splice(0)))));
        },
      },
      0,
    );
    for (const chunk of written) reader.push(chunk);
  }

  #receiveParts(): ReceiveParts {
    const store = { create: (key: string) => this.#upload(key), delete: async (key: string) => void this.objects.delete(key) };
    const bus = {
      publish: async (event: InstanceReceived, _to: PublishOptions) => {
        if (this.#isFaulty()) throw new PublicationRefused('stream is full', { full: true });
        this.published.push(instanceReceived.parse(JSON.parse(JSON.stringify(event))));
      },
      publishFact: async () => {},
    };
    return {
      ...{ store, log, announcer: { bus, store, log, facts: { add: () => {} } }, header: () => header, document: () => document },
      admission: { refusal: () => undefined, spaceRefusal: () => undefined },
      ...{ latency: { begin: () => () => {} }, limitReached: () => {}, answered: () => {} },
    } as unknown as ReceiveParts;
  }

  #upload(key: string): ObjectUpload {
    let chunks: Buffer[] = [];
    let isOpen = true;
    this.#openUploads++;
    const over = (): void => {
      if (isOpen) this.#openUploads--;
      isOpen = false;
    };
    return {
      write: (chunk) => {
        chunks.push(Buffer.from(chunk));
        if (this.#isFaulty()) return Promise.reject(new TransientError('EIO'));
        return this.#below(16) === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined;
      },
      patch: (position, bytes) => {
        const whole = Buffer.concat(chunks);
        bytes.copy(whole, position);
        chunks = [whole];
      },
      commit: async () => {
        over();
        if (this.#isFaulty()) throw new TransientError('ENOSPC');
        const object = Buffer.concat(chunks);
        this.objects.set(key, object);
        return { size: object.length };
      },
      discard: async () => over(),
    };
  }

  #isFaulty(): boolean {
    return this.#faults > 0 && this.#below(64) < this.#faults;
  }
}

/** Of the first PDU, as far as it is there. */
const requestBytes = (stream: Buffer): number => (stream.length < 6 ? stream.length : Math.min(stream.length, 6 + stream.readUInt32BE(2)));

function* requestFirst(stream: Buffer, request: number, below: Below): Generator<Buffer> {
  yield* chunksOf(stream.subarray(0, request), below);
  yield* chunksOf(stream.subarray(request), below);
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const FIELDS: Record<number, string> = { 32769: 'C-STORE', 32816: 'C-ECHO' };
function answerOf(command: CommandSet): string {
  const field = command.number('commandField') ?? 0;
  const status = (command.number('status') ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `${FIELDS[field] ?? field.toString(16)} ${status}`;
}

async function inTime(closed: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(NOT_CLOSED)), HANG_MS);
  });
  await Promise.race([closed, late]).finally(() => clearTimeout(timer));
}
