// A gateway whose spans are collected, and a study sent to it over one association.
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { associate } from '@causeway/shared/dicom/dimse/scu';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import { syntheticInstances, syntheticSopClass } from '../../deploy/standalone/src/send/synthetic-study.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { startTraceCollector, type TraceCollector } from './trace-collector.ts';

export interface TracedGateway {
  readonly gateway: GatewayUnderTest;
  readonly collector: TraceCollector;
  orderFault(fault: object): Promise<void>;
  clearFaults(): Promise<void>;
  stop(): Promise<void>;
}

/** Called as GATEWAY it belongs to a facility and is compressed; called as NOWHERE it is held. The archive fails on order. */
export async function startTracedGateway(): Promise<TracedGateway> {
  const collector = await startTraceCollector();
  const sandboxPort = await freePort();
  const gateway = await startGateway({
    config: documentFor(sandboxPort),
    env: {
      ...{ CAUSEWAY_SANDBOX_PORT: String(sandboxPort), CAUSEWAY_SANDBOX_FAULTS: '1' },
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '200' },
    },
  });
  const faults = gateway.sandboxUrl.replace(/\/dicom-web$/, '/sandbox/faults');
  return {
    gateway,
    collector,
    orderFault: async (fault) => {
      const answer = await fetch(faults, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(fault) });
      if (!answer.ok) throw new Error(`the sandbox refused the fault: ${answer.status}`);
    },
    clearFaults: async () => void (await fetch(faults, { method: 'DELETE' })),
    stop: async () => {
      await gateway.stop();
      collector.stop();
    },
  };
}

function documentFor(sandboxPort: number): object {
  const url = `http://127.0.0.1:${sandboxPort}/dicom-web`;
  return {
    gateway: { calledAeTitles: ['GATEWAY', 'NOWHERE'] },
    facilities: [{ id: 'main', match: [{ calledAe: 'GATEWAY' }], destinations: ['archive'] }],
    destinations: [{ id: 'archive', kind: 'stow', url, images: 'compressed', retry: { first: '300ms', factor: 1, max: '1s' } }],
    retrieval: { sources: [{ id: 'cloud', url }] },
    // biome-ignore lint/suspicious/noThenProperty: `then` is the document's word, and never a function
    compression: [{ when: {}, then: { syntax: 'htj2k-lossless' } }],
  };
}

export interface SentStudy {
  readonly studyInstanceUid: string;
  readonly sopInstanceUids: readonly string[];
}

/** Over one association; throws when an instance was not answered with success. */
export async function sendStudy(port: number, plan: { seed: number; instances: number; calledAe?: string }): Promise<SentStudy> {
  const sopClassUid = syntheticSopClass({});
  const association = await associate({
    ...{ host: '127.0.0.1', port, callingAe: 'TESTER', calledAe: plan.calledAe ?? 'GATEWAY' },
    contexts: [{ id: 1, abstractSyntaxUid: sopClassUid, transferSyntaxUids: ['1.2.840.10008.1.2.1'] }],
    implementation: { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME },
    timeouts: { connectMs: 5_000, associateMs: 10_000, responseMs: 30_000 },
  });
  const instances = [...syntheticInstances({ studies: 1, instances: plan.instances, rows: 512, columns: 512, seed: plan.seed })];
  for (const { sopInstanceUid, dataSet: bytes } of instances) {
    const dataSet = (async function* () {
      yield bytes;
    })();
    const { status } = await association.store({ contextId: 1, sopClassUid, sopInstanceUid, dataSet });
    if (status !== 0) throw new Error(`C-STORE was answered with ${status.toString(16)}`);
  }
  await association.release();
  return { studyInstanceUid: instances[0]!.studyInstanceUid, sopInstanceUids: instances.map(({ sopInstanceUid }) => sopInstanceUid) };
}
