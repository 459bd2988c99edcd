// What of the environment is refused, and that a refusal never shows a value.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readServiceEnvironment } from './service-environment.ts';

const read = (own: NodeJS.ProcessEnv) => readServiceEnvironment({ CAUSEWAY_OBJECT_STORE: 'folder:/objects', ...own });

describe('readServiceEnvironment', () => {
  it('takes several NATS servers and several database hosts', () => {
    const several = 'tls://nats-0:4222,tls://nats-1:4222,nats://nats-2';
    assert.equal(read({ CAUSEWAY_NATS_URL: several }).CAUSEWAY_NATS_URL, several);
    const hosts = 'postgres://causeway@db1:5432,db2:5432/causeway';
    assert.equal(read({ CAUSEWAY_DATABASE_URL: hosts }).CAUSEWAY_DATABASE_URL, hosts);
  });

  it('refuses what contradicts itself, naming every variable at once', () => {
    assert.throws(
      () =>
        read({
          CAUSEWAY_NATS_PASSWORD: 'hidden',
          CAUSEWAY_NATS_PASSWORD_FILE: '/run/secrets/nats',
          CAUSEWAY_NATS_CERT: '/tls/cert.pem',
          CAUSEWAY_DATABASE_URL: 'postgres://causeway@db/causeway?sslmode=require',
          CAUSEWAY_DATABASE_CA: '/tls/ca.pem',
        }),
      (error: Error) =>
        /only one of them; CAUSEWAY_NATS_PASSWORD_FILE: needs CAUSEWAY_NATS_USER; CAUSEWAY_NATS_CERT and CAUSEWAY_NATS_KEY: both or none; CAUSEWAY_DATABASE_CA/.test(
          error.message,
        ) && !error.message.includes('hidden'),
    );
  });

  it('refuses addresses of another kind without showing them', () => {
    assert.throws(
      () => read({ CAUSEWAY_NATS_URL: 'http://causeway:hidden@nats:4222', CAUSEWAY_DATABASE_URL: 'mysql://causeway:hidden@db' }),
      (error: Error) => /CAUSEWAY_NATS_URL: .+; CAUSEWAY_DATABASE_URL: /.test(error.message) && !error.message.includes('hidden'),
    );
  });
});
