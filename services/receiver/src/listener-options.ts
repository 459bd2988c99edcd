// The DICOM listeners of the gateway document, or the one plain listener of the environment.
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { resolveSecret } from '@causeway/shared/config/secrets';
import type { ServiceEnvironment } from '@causeway/shared/config/service-environment';
import type { ListenOptions } from '@causeway/shared/dicom/dimse/scp';

/** Certificates are read here, once; an unreadable one stops the start with its reference named. */
export async function listenerOptions(document: GatewayDocument, environment: ServiceEnvironment): Promise<ListenOptions[]> {
  const host = environment.CAUSEWAY_DICOM_HOST;
  if (document.listeners.length === 0) return [{ id: 'dicom', host, port: environment.CAUSEWAY_DICOM_PORT }];
  return Promise.all(document.listeners.map(async ({ id, port, tls }) => ({ id, host, port, tls: tls && (await serverTls(tls)) })));
}

async function serverTls(tls: NonNullable<GatewayDocument['listeners'][number]['tls']>): Promise<ListenOptions['tls']> {
  return {
    cert: await resolveSecret(tls.cert),
    key: await resolveSecret(tls.key),
    ca: tls.clientCa && (await resolveSecret(tls.clientCa)),
    requestCert: tls.clientCert !== 'none',
    rejectUnauthorized: tls.clientCert === 'required',
    // PS3.15 section B.12 (BCP 195): TLS 1.2 at least.
    minVersion: 'TLSv1.2',
  };
}
