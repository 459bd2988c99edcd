// How long the certificates last that we show to destinations.
import { X509Certificate } from 'node:crypto';
import type { SecretReader } from '@causeway/shared/config/secret-reference';
import { observedGauge } from '@causeway/shared/metrics/instruments';
import type { Meter } from '@causeway/shared/telemetry';
import type { DestinationSettings } from './destination-settings.ts';

const EVERY_MS = 10 * 60_000;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export interface CertificateParts {
  readonly destinations: () => readonly Pick<DestinationSettings, 'id' | 'tls'>[];
  readonly readSecret: SecretReader;
  readonly now: () => number;
}

export interface WatchedCertificates {
  /** To be called when the destinations have changed, too. A certificate that cannot be read has no series: its destination says so when it is tried. */
  look(): Promise<void>;
  stop(): void;
}

/** Files are read anew every ten minutes, so that a renewed certificate is seen. */
export function observeCertificates(meter: Meter, parts: CertificateParts): WatchedCertificates {
  let expiries = new Map<string, number>();
  const look = async (): Promise<void> => {
    const found = new Map<string, number>();
    for (const { id, tls } of parts.destinations()) {
      if (tls?.cert === undefined) continue;
      const expiresAt = await parts.readSecret(tls.cert).then(firstExpiry, () => undefined);
      if (expiresAt !== undefined) found.set(id, expiresAt);
    }
    expiries = found;
  };
  observedGauge(meter, 'causeway.uploader.certificate.remaining').addCallback((result) => {
    for (const [destination, expiresAt] of expiries) result.observe((expiresAt - parts.now()) / 1_000, { destination });
  });
  const looking = setInterval(() => void look(), EVERY_MS);
  looking.unref();
  return { look, stop: () => clearInterval(looking) };
}

/** ms since 1970, of the certificate of the chain that ends first; undefined: there is none in the text. */
export function firstExpiry(pem: string): number | undefined {
  const ends = [...pem.matchAll(CERTIFICATE)].map(([text]) => Date.parse(new X509Certificate(text).validTo));
  return ends.length === 0 ? undefined : Math.min(...ends);
}
