// Password and certificates of the database come from files, and change while connections are in use: a real PostgreSQL with TLS.
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { handOver, type PostgresForTests, startPostgres } from '../../../test-e2e/src/postgres-for-tests.ts';
import { makeCertificate, type TestCertificate } from '../dicomweb/certificate-for-tests.ts';
import { TransientError } from '../errors.ts';
import { type Database, openDatabase } from './database.ts';

describe('a database with TLS and a password in a file', () => {
  let folder: string;
  let postgres: PostgresForTests;
  let administrator: Database;
  let certificates: readonly [TestCertificate, TestCertificate];
  const at = (name: string): string => path.join(folder, name);

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'causeway-database-access-'));
    handOver(folder, 0o755);
    certificates = [await makeCertificate(folder, { name: 'first' }), await makeCertificate(folder, { name: 'second' })];
    await writeFile(at('hba'), 'hostssl all outsider 127.0.0.1/32 scram-sha-256\nhostnossl all causeway 127.0.0.1/32 trust\n');
    await present(certificates[0]);
    postgres = await startPostgres([
      'ssl=on',
      `ssl_cert_file=${at('server.pem')}`,
      `ssl_key_file=${at('server.key')}`,
      `hba_file=${at('hba')}`,
    ]);
    administrator = openDatabase(postgres.url);
    await administrator.query("CREATE ROLE outsider LOGIN PASSWORD 'one%of/these'");
    await writeFile(at('password'), 'one%of/these\n');
    await copyFile(certificates[0].certFile, at('ca.pem'));
  });
  after(async () => {
    await administrator?.close();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function present(certificate: TestCertificate): Promise<void> {
    await copyFile(certificate.certFile, at('server.pem'));
    await copyFile(certificate.keyFile, at('server.key'));
    handOver(at('server.key'), 0o600);
    handOver(at('server.pem'), 0o600);
  }
  /** New connections meet it soon after a reload. */
  async function untilPresented(certificate: TestCertificate): Promise<void> {
    const database = openDatabase({ ...address(), caFile: certificate.certFile });
    while (!(await encrypted(database).catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 20));
    await database.close();
  }
  /** By host name, as the certificate has it. */
  const address = () => ({
    url: postgres.url.replace('causeway@127.0.0.1', 'outsider@localhost'),
    passwordFile: at('password'),
    caFile: at('ca.pem'),
  });
  const encrypted = async (database: Database): Promise<boolean> =>
    (await database.query<{ ssl: boolean }>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'))[0]!.ssl;

  it('is reached encrypted, with the password of the file', async () => {
    const database = openDatabase(address());
    assert.equal(await encrypted(database), true);
    await database.close();
  });

  it('is reached without one failure after password and certificate were changed, in the server and in the files', async () => {
    const database = openDatabase(address());
    assert.equal(await encrypted(database), true);
    await administrator.query("ALTER ROLE outsider PASSWORD 'another'");
    await writeFile(at('password'), 'another');
    await present(certificates[1]);
    await copyFile(certificates[1].certFile, at('ca.pem'));
    await administrator.query('SELECT pg_reload_conf()');
    await untilPresented(certificates[1]);
    const pids = await Promise.all(
      Array.from({ length: 6 }, () => database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid, pg_sleep(0.1)')),
    );
    assert.equal(new Set(pids.map(([row]) => row!.pid)).size, 6);
    await database.close();
  });

  it('is not spoken to with a certificate of somebody else, and once the file is there, without a restart', async () => {
    await copyFile(certificates[0].certFile, at('ca.pem'));
    const database = openDatabase(address());
    await assert.rejects(encrypted(database), TransientError);
    await rm(at('ca.pem'));
    await assert.rejects(encrypted(database), /ENOENT/);
    await copyFile(certificates[1].certFile, at('ca.pem'));
    assert.equal(await encrypted(database), true);
    await database.close();
  });
});
