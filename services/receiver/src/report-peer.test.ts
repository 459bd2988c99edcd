// The line for what a peer did wrong says from where, at which listener, and what.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ScpEvent } from '@causeway/shared/dicom/dimse/scp';
import type { Logger } from '@causeway/shared/logger';
import { reportPeer } from './report-peer.ts';

function lineFor(event: ScpEvent): string {
  let line = '';
  const log = { warn: (facts: ScpEvent, message: string) => (line = `${facts.kind} ${message}`) } as unknown as Logger;
  reportPeer(log, event);
  return line;
}

it('names peer, balancer and listener in one line', () => {
  const event = { kind: 'malformed-pdu', source: '10.0.0.7', listener: 'lan', detail: 'unrecognized PDU type 0x47' } as const;
  assert.equal(lineFor(event), 'malformed-pdu 10.0.0.7 at listener lan: unrecognized PDU type 0x47');
  assert.match(lineFor({ ...event, balancer: '10.0.0.1' }), / 10\.0\.0\.7 \(through 10\.0\.0\.1\) at listener lan: unrecognized/);
  assert.equal(
    lineFor({ kind: 'listener-error', source: 'lan', listener: 'lan', detail: 'EMFILE' }),
    'listener-error listener lan: EMFILE',
  );
});
