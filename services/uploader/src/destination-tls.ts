// TLS towards a DIMSE destination as the gateway document orders it (PS3.15 section B.12).
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { SecretReader } from '@causeway/shared/config/secret-reference';
import type { DimseSettings } from './destination-settings.ts';

/** undefined: plain DICOM. Files are read at each call, so that renewed certificates are taken. Throws TransientError when one cannot be read. */
export async function destinationTls(
  { tls, host }: Pick<DimseSettings, 'tls' | 'host'>,
  readSecret: SecretReader,
): Promise<ConnectionOptions | undefined> {
  if (tls === undefined) return undefined;
  const read = async (reference: string | undefined): Promise<string | undefined> =>
    reference === undefined ? undefined : await readSecret(reference);
  const [ca, cert, key] = await Promise.all([read(tls.ca), read(tls.cert), read(tls.key)]);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert, key }),
    minVersion: `TLSv${tls.minVersion}` as const,
    // RFC 6066 section 3: an address is no server name; the certificate is then checked against the address.
    ...(isIP(host) === 0 ? { servername: host } : {}),
  };
}
