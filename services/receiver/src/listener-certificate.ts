// Certificate, key and client authorities of one TLS listener: read anew each time, and looked at before they are used.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { SecretReader } from '@causeway/shared/config/secret-reference';
import type { ListenerTls } from '@causeway/shared/dicom/dimse/scp';
import { describeError } from '@causeway/shared/errors';
import type { WantedListener } from './wanted-listeners.ts';

export interface CertificateFacts {
  readonly tls: ListenerTls;
  /** Of the first certificate of the chain to expire, ms since 1970. */
  readonly expiresAt: number;
}

type References = NonNullable<WantedListener['tls']>;

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Throws an Error that says in one sentence which reference is wrong and how. A pair that is being written is wrong for a moment. */
export async function readCertificate(references: References, readSecret: SecretReader): Promise<CertificateFacts> {
  const { cert, key, clientCa, clientCert } = references;
  const [certText, keyText, caText] = await Promise.all([readSecret(cert), readSecret(key), clientCa && readSecret(clientCa)]);
  const chain = certificatesIn(certText, cert);
  if (caText !== undefined) certificatesIn(caText, clientCa ?? '');
  checkPair(chain[0]!, keyText, references);
  return { tls: { cert: certText, key: keyText, ca: caText, clientCert }, expiresAt: earliestExpiry(chain) };
}

function certificatesIn(text: string, reference: string): X509Certificate[] {
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length === 0) throw new Error(`${reference} holds no PEM certificate`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw new Error(`${reference} holds a certificate that cannot be read (${codeOf(error)})`);
  }
}

function checkPair(certificate: X509Certificate, keyText: string, { cert, key }: References): void {
  let fits: boolean;
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(keyText));
  } catch (error) {
    throw new Error(`${key} holds no private key that can be read without a passphrase (${codeOf(error)})`);
  }
  if (!fits) throw new Error(`the key ${key} does not belong to the certificate ${cert}`);
}

const earliestExpiry = (chain: readonly X509Certificate[]): number => Math.min(...chain.map(({ validTo }) => Date.parse(validTo)));

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? describeError(error);
