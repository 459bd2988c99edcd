// A self-signed certificate for 127.0.0.1 and localhost, made anew for a test, also one that is no longer valid.
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface TestCertificate {
  /** Paths of PEM files. */
  readonly keyFile: string;
  readonly certFile: string;
  readonly key: Buffer;
  readonly cert: Buffer;
}

export interface Making {
  /** Files in the folder are called so. */
  readonly name: string;
  readonly expired?: boolean;
  /** Further host names. */
  readonly hosts?: readonly string[];
}

export async function makeCertificate(folder: string, { name, expired = false, hosts = [] }: Making): Promise<TestCertificate> {
  const [keyFile, certFile, request] = ['key', 'pem', 'csr'].map((ending) => join(folder, `${name}.${ending}`)) as [string, string, string];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const subject = [
    '-subj',
    `/CN=${name}`,
    '-addext',
    `subjectAltName=${['IP:127.0.0.1', ...['localhost', ...hosts].map((host) => `DNS:${host}`)].join()}`,
  ];
  openssl('req', '-new', ...curve, '-nodes', '-keyout', keyFile, '-out', request, ...subject);
  const validity = ['-days', expired ? '-1' : '30'];
  openssl('x509', '-req', '-in', request, '-key', keyFile, '-out', certFile, '-copy_extensions', 'copyall', ...validity);
  return { keyFile, certFile, key: await readFile(keyFile), cert: await readFile(certFile) };
}

const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
