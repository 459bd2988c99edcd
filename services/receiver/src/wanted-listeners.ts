// The DICOM listeners of the gateway document, or the one plain listener of the environment.
import type { GatewayDocument, Listener } from '@causeway/shared/config/gateway-document';
import type { ServiceEnvironment } from '@causeway/shared/config/service-environment';

export interface WantedListener {
  readonly id: string;
  readonly host: string;
  /** 0: any free one (from the environment only). */
  readonly port: number;
  readonly reusePort: boolean;
  /** References, no material. */
  readonly tls: Listener['tls'];
  readonly proxyProtocol: boolean;
}

type Environment = Pick<ServiceEnvironment, 'CAUSEWAY_DICOM_HOST' | 'CAUSEWAY_DICOM_PORT' | 'CAUSEWAY_DICOM_REUSE_PORT'>;

export function wantedListeners({ listeners }: Pick<GatewayDocument, 'listeners'>, environment: Environment): WantedListener[] {
  const place = { host: environment.CAUSEWAY_DICOM_HOST, reusePort: environment.CAUSEWAY_DICOM_REUSE_PORT };
  const ownPort = environment.CAUSEWAY_DICOM_PORT;
  if (listeners.length === 0) return [{ id: 'dicom', ...place, port: ownPort, tls: undefined, proxyProtocol: false }];
  return listeners.map(({ id, port, tls, proxyProtocol }) => ({ id, ...place, port: port ?? ownPort, tls, proxyProtocol }));
}
