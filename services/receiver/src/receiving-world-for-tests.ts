// For tests: what a receiver works with, in memory, and with the faults that a test asks for.
import type { PublishOptions } from '@causeway/shared/bus/bus';
import { defaultGatewayDocument, type GatewayDocument, parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { createHeaderReader } from '@causeway/shared/config/header-reader';
import type { CStoreRequest, DataSetSink, DimseStatus } from '@causeway/shared/dicom/dimse/scp';
import type { InstanceReceived } from '@causeway/shared/events/instance';
import { createLogger, type Logger } from '@causeway/shared/logger';
import type { ObjectUpload } from '@causeway/shared/object-store/object-store';
import type { Refusal } from './admission.ts';
import { receiveInstance } from './receive.ts';
import type { Defect } from './sender-quirks.ts';

export const CT = '1.2.840.10008.5.1.4.1.1.2';
export const SOP_INSTANCE = '1.2.3.4';
const DOCUMENT = parseGatewayDocument({ ...defaultGatewayDocument('http://127.0.0.1:1/dicom-web'), limits: { custody: '300ms' } });

export function element(tag: number, vr: string, text: string): Buffer {
  const value = Buffer.from(text.length % 2 ? `${text}${vr === 'UI' ? '\0' : ' '}` : text, 'latin1');
  const head = Buffer.alloc(8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  head.writeUInt16LE(value.length, 6);
  return Buffer.concat([head, value]);
}

export const dataSet = (sopInstance = SOP_INSTANCE): Buffer =>
  Buffer.concat([
    element(0x00080016, 'UI', CT),
    element(0x00080018, 'UI', sopInstance),
    element(0x00080060, 'CS', 'CT'),
    element(0x00080080, 'LO', 'MS44 '),
    element(0x0020000d, 'UI', '1.2.3'),
    element(0x0020000e, 'UI', '1.2.3.1'),
  ]);

export interface World {
  readonly objects: Map<string, Buffer>;
  readonly uploads: { discarded: boolean }[];
  /** That were reached. */
  readonly limits: string[];
  readonly published: { event: InstanceReceived; to: PublishOptions }[];
  sink(request?: Partial<CStoreRequest>): DataSetSink;
}

export interface Behaviour {
  readonly commit?: () => void | Promise<void>;
  readonly write?: () => void | Promise<void>;
  readonly discard?: () => Promise<void>;
  readonly delete?: () => Promise<void>;
  readonly publish?: () => void;
  readonly refusal?: Refusal;
  /** Of space, asked while a large data set arrives. */
  readonly spaceRefusal?: () => Refusal | undefined;
  /** Of the sender, in negotiation.callers. */
  readonly tolerate?: Defect[];
  readonly tlsSubject?: string;
  readonly log?: Logger;
  /** The gateway document [the default one, with a custody of 300 ms]. */
  readonly document?: GatewayDocument;
}

/** Keeps what is committed, and fails as the test says. */
function memoryStore(behaviour: Behaviour) {
  const objects = new Map<string, Buffer>();
  const uploads: { discarded: boolean }[] = [];
  const store = {
    create: (key: string): ObjectUpload => {
      const state = { discarded: false };
      uploads.push(state);
      let chunks: Buffer[] = [];
      return {
        write: (chunk) => {
          chunks.push(Buffer.from(chunk));
          return behaviour.write ? Promise.resolve().then(behaviour.write) : undefined;
        },
        patch: (position, bytes) => {
          const whole = Buffer.concat(chunks);
          bytes.copy(whole, position);
          chunks = [whole];
        },
        commit: async () => {
          await behaviour.commit?.();
          objects.set(key, Buffer.concat(chunks));
          return { size: objects.get(key)!.length };
        },
        discard: async () => {
          state.discarded = true;
          await behaviour.discard?.();
        },
      };
    },
    delete: async (key: string) => {
      await behaviour.delete?.();
      objects.delete(key);
    },
  };
  return { objects, uploads, store };
}

export function world(behaviour: Behaviour = {}): World {
  const { objects, uploads, store } = memoryStore(behaviour);
  const published: World['published'] = [];
  const limits: string[] = [];
  const callers = behaviour.tolerate ? [{ callingAe: 'CT1', tolerate: behaviour.tolerate }] : [];
  const bus = {
    publish: async (event: InstanceReceived, to: PublishOptions) => {
      behaviour.publish?.();
      published.push({ event, to });
    },
    publishFact: async () => {},
  };
  const { log = createLogger('test', 'fatal'), document = DOCUMENT } = behaviour;
  const header = createHeaderReader(document);
  const parts = {
    store,
    announcer: { bus, store, log, facts: { add: () => {} } },
    header: () => header,
    document: () => ({ ...document, negotiation: { ...document.negotiation, callers } }),
    admission: {
      refusal: () => behaviour.refusal,
      spaceRefusal: () => behaviour.spaceRefusal?.(),
    },
    latency: { begin: () => () => {} },
    limitReached: (limit: string) => limits.push(limit),
    log,
    answered: () => {},
  } as unknown as Parameters<typeof receiveInstance>[0];
  const association = {
    id: '0b5b0c4e-5b0f-4d7c-9f5e-1f6a3f6c2d11',
    contexts: [],
    roles: [],
    request: {
      callingAe: 'CT1',
      calledAe: 'GATEWAY',
      contexts: [],
      maxPduBytes: 0,
      implementationClassUid: '1.2',
      roles: [],
      peer: { address: '10.0.0.9', port: 1, listener: 'dicom', tls: behaviour.tlsSubject ? { subject: behaviour.tlsSubject } : undefined },
    },
  };
  return {
    objects,
    uploads,
    limits,
    published,
    sink: (request) => {
      const made = receiveInstance(parts, association, {
        messageId: 1,
        contextId: 1,
        abstractSyntaxUid: CT,
        transferSyntaxUid: '1.2.840.10008.1.2.1',
        affectedSopClassUid: CT,
        affectedSopInstanceUid: SOP_INSTANCE,
        priority: 0,
        ...request,
      });
      if ('status' in made) throw new Error(`refused at once: ${made.status.toString(16)}`);
      return made;
    },
  };
}

export async function send(sink: DataSetSink, bytes: Buffer): Promise<number> {
  return (await answerTo(sink, bytes)).status;
}

export async function answerTo(sink: DataSetSink, bytes: Buffer, chunkBytes = 7): Promise<DimseStatus> {
  for (let at = 0; at < bytes.length; at += chunkBytes) await sink.write(bytes.subarray(at, at + chunkBytes));
  return sink.end();
}
