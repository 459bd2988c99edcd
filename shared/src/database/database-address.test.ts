// Addresses of several hosts, taken apart.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clientSettings, hostsOf } from './database-address.ts';

describe('hostsOf', () => {
  it('gives each host in the order of the address, whatever stands around them', () => {
    assert.deepEqual(hostsOf({ url: 'postgres://causeway:a%2Cb@db1:5432,db2/causeway?application_name=a,b' }), ['db1:5432', 'db2']);
    assert.deepEqual(hostsOf({ url: 'postgresql://[::1]:5432,10.0.0.1:5433/causeway' }), ['[::1]:5432', '10.0.0.1:5433']);
  });
});

describe('clientSettings', () => {
  it('keeps user, password, database and parameters of the address for each host', async () => {
    const address = { url: 'postgres://causeway:a%2Cb@db1:5432,db2/causeway?application_name=console' };
    assert.deepEqual(await clientSettings(address, 'db2'), {
      connectionString: 'postgres://causeway:a%2Cb@db2/causeway?application_name=console',
    });
  });
});
