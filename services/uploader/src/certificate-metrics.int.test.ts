// The gauge of client certificates, with certificates of openssl.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { makeCertificate } from '@causeway/shared/dicomweb/certificate-for-tests';
import { scrape } from '@causeway/shared/metrics/scrape-for-tests';
import { firstExpiry, observeCertificates } from './certificate-metrics.ts';

const folder = mkdtempSync(join(tmpdir(), 'causeway-certificates-'));
after(() => rmSync(folder, { recursive: true }));
const DAY_S = 86_400;

it('tells the time left of each certificate shown, sees a renewed one, and says nothing of what cannot be read', async () => {
  const [good, expired] = await Promise.all([
    makeCertificate(folder, { name: 'good' }),
    makeCertificate(folder, { name: 'expired', expired: true }),
  ]);
  const file = join(folder, 'shown.pem');
  copyFileSync(expired.certFile, file);
  const destinations = [
    { id: 'cloud', tls: { minVersion: '1.2' as const, cert: file } },
    { id: 'pacs', tls: { minVersion: '1.2' as const, cert: join(folder, 'none.pem') } },
    { id: 'plain', tls: undefined },
  ];
  const readSecret = async (reference: string): Promise<string> => readFileSync(reference, 'utf8');
  const { meter, text } = scrape();
  const certificates = observeCertificates(meter, { destinations: () => destinations, readSecret, now: Date.now });
  const remaining = async (): Promise<number> => {
    const found = [...(await text()).matchAll(/^causeway_uploader_certificate_remaining\{destination="(\w+)"[^}]*\} (\S+)$/gm)];
    assert.deepEqual(
      found.map((match) => match[1]),
      ['cloud'],
    );
    return Number(found[0]![2]);
  };
  try {
    await certificates.look();
    assert.ok((await remaining()) < 0);
    copyFileSync(good.certFile, file);
    await certificates.look();
    const left = await remaining();
    assert.ok(left > 29 * DAY_S && left <= 30 * DAY_S, `${left}`);
  } finally {
    certificates.stop();
  }
});

it('takes the certificate of a chain that ends first', async () => {
  const [good, expired] = await Promise.all([
    makeCertificate(folder, { name: 'leaf' }),
    makeCertificate(folder, { name: 'issuer', expired: true }),
  ]);
  assert.equal(firstExpiry(`${good.cert}${expired.cert}`), firstExpiry(String(expired.cert)));
  assert.equal(firstExpiry('nothing'), undefined);
});
