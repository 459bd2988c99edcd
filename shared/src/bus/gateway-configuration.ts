// The gateway document as a running service sees it: the newest valid revision, hot.
import { gunzipSync, gzipSync } from 'node:zlib';
import { type GatewayDocument, parseGatewayDocument } from '../config/gateway-document.ts';
import type { Bus } from './bus.ts';

const BUCKET = 'configuration';
const KEY = 'gateway';

export interface Revision {
  readonly revision: number;
  readonly document: GatewayDocument;
}

export interface GatewayConfiguration {
  /** undefined until a document was published. */
  current(): Revision | undefined;
  onChange(listener: (revision: Revision) => void): void;
  stop(): void;
}

/** Publishes a validated document for all services. The value is compressed: the message limit of JetStream is 1 MB. */
export async function publishGatewayDocument(bus: Bus, revision: number, source: unknown): Promise<void> {
  const bucket = await bus.bucket(BUCKET);
  await bucket.put(KEY, gzipSync(JSON.stringify({ revision, source })));
}

/** Follows the published document. A value that does not parse is reported and skipped: the last good one stays. */
export async function followGatewayDocument(bus: Bus, report: (problem: string) => void): Promise<GatewayConfiguration> {
  let current: Revision | undefined;
  const listeners: ((revision: Revision) => void)[] = [];
  const bucket = await bus.bucket(BUCKET);
  const watch = await bucket.watch(KEY, (value) => {
    try {
      const { revision, source } = JSON.parse(gunzipSync(value).toString('utf8')) as { revision: number; source: unknown };
      current = { revision, document: parseGatewayDocument(source) };
      for (const listener of listeners) listener(current);
    } catch (error) {
      report(`the published gateway document was not taken: ${(error as Error).message}`);
    }
  });
  return { current: () => current, onChange: (listener) => void listeners.push(listener), stop: () => watch.stop() };
}
