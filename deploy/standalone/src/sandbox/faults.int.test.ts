// Every fault that can be ordered happens as ordered, and only then.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { STOW_TYPE, stowBody } from '@causeway/shared/dicomweb/instances-for-tests';
import { answerOf, failures, one, other, SandboxUnderTest, two } from './sandbox-for-tests.ts';
import { startSandbox } from './sandbox-server.ts';

let sandbox: SandboxUnderTest;
beforeEach(async () => {
  sandbox = await SandboxUnderTest.start();
});
afterEach(() => sandbox.remove());

describe('ordered faults', () => {
  const post = () => sandbox.stow(stowBody([one.file, two.file, other.file]));

  it('answers a status so often as ordered, then works', async () => {
    await sandbox.order({ mode: 'status', status: 503, retryAfter: 1, times: 2, skip: 1 });
    const answers = [];
    for (let request = 0; request < 4; request += 1) answers.push(await post());
    assert.deepEqual(
      answers.map(({ status, headers }) => [status, headers.get('retry-after')]),
      [
        [200, null],
        [503, '1'],
        [503, '1'],
        [200, null],
      ],
    );
  });

  it('refuses every second instance with the reason ordered', async () => {
    await sandbox.order({ mode: 'refuse-instance', reason: 0xc122, every: 2 });
    const response = await post();
    assert.equal(response.status, 202);
    assert.deepEqual(failures(await answerOf(response)), [[two.sopInstanceUid, 0xc122]]);
  });

  it('cuts the connection in the middle of a body with nothing kept, or after storing and before the answer', async () => {
    await sandbox.order({ mode: 'cut', afterBytes: 6000 });
    await assert.rejects(post());
    assert.deepEqual(await sandbox.summary(), { studies: 0, instances: 0, arrivals: 0, repeats: 0 });
    await sandbox.order({ mode: 'cut' });
    await assert.rejects(post());
    assert.deepEqual(await sandbox.summary(), { studies: 2, instances: 3, arrivals: 3, repeats: 0 });
  });

  it('answers 200 without a body, keeping the instances or not', async () => {
    await sandbox.order({ mode: 'bare-200', store: false });
    const response = await post();
    assert.deepEqual([response.status, await response.text()], [200, '']);
    assert.equal((await sandbox.find('/instances')).length, 0);
    await sandbox.order({ mode: 'bare-200', store: true });
    await post();
    assert.equal((await sandbox.find('/instances')).length, 3);
  });

  it('does not answer when told to hang, and cuts and slows retrieval too', async () => {
    await post();
    await sandbox.order({ mode: 'hang', times: 1 });
    await assert.rejects(
      fetch(`${sandbox.server.url}/studies`, {
        method: 'POST',
        body: new Uint8Array(stowBody([one.file])),
        headers: { 'content-type': STOW_TYPE },
        signal: AbortSignal.timeout(300),
      }),
    );
    await sandbox.order({ mode: 'cut', target: 'wado', afterBytes: 7000 });
    await assert.rejects(sandbox.retrieve('/studies/1.2.1'));
    await sandbox.order({ mode: 'slow', target: 'wado', bytesPerSecond: 100_000 });
    const began = performance.now();
    await sandbox.retrieve('/studies/1.2.1');
    assert.ok(performance.now() - began >= 90, 'about 10 kB at 100 kB/s');
    await fetch(`${sandbox.server.origin}/sandbox/faults`, { method: 'DELETE' });
    assert.equal((await sandbox.retrieve('/studies/1.2.1')).length, 2);
  });

  it('refuses what is not a fault, and every fault where faults are not allowed', async () => {
    assert.equal((await sandbox.order({ mode: 'explode' as 'hang' })).status, 400);
    const closed = await startSandbox({
      archive: sandbox.archive,
      journal: sandbox.journal,
      host: '127.0.0.1',
      port: 0,
      allowFaults: false,
      report: () => undefined,
    });
    const response = await fetch(`${closed.origin}/sandbox/faults`, { method: 'PUT', body: '{"mode":"hang"}' });
    assert.equal(response.status, 403);
    await closed.close(0);
  });
});
