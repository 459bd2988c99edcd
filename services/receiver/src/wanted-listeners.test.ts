// Which ports the receiver listens on, from the gateway document and the environment.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { wantedListeners } from './wanted-listeners.ts';

const environment = { CAUSEWAY_DICOM_HOST: '0.0.0.0', CAUSEWAY_DICOM_PORT: 11_112, CAUSEWAY_DICOM_REUSE_PORT: true };
const tls = { cert: 'file:/c', key: 'file:/k' };
const portsOf = (listeners: object[]) =>
  wantedListeners(parseGatewayDocument({ listeners }), environment).map(({ id, port, reusePort }) => `${id} ${port} ${reusePort}`);

it('without a document the port of the environment, with one what it says, TLS on 2762 and plain on that of the environment by default', () => {
  assert.deepEqual(portsOf([]), ['dicom 11112 true']);
  assert.deepEqual(portsOf([{ id: 'lan' }, { id: 'secure', tls }]), ['lan 11112 true', 'secure 2762 true']);
  assert.deepEqual(
    portsOf([
      { id: 'lan', port: 104 },
      { id: 'secure', port: 105, tls },
    ]),
    ['lan 104 true', 'secure 105 true'],
  );
});
