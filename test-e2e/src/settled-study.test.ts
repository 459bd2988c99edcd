// Studies settle when nothing of them comes any more: as incomplete when their sender broke off, again when more comes, and once each, whoever is killed meanwhile.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Bus } from '@causeway/shared/bus/bus';
import { type ConsoleClient, signIn } from './console-client.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { storescu } from './peers-under-test.ts';
import { busOf, STREAM_BYTES } from './queued-backlog.ts';
import { makeSyntheticFiles, type SyntheticFile } from './synthetic-files.ts';
import { until } from './wait-for-fact.ts';

interface Study {
  readonly studyKey: string;
  readonly instances: number;
  readonly arrival: { readonly state: string; readonly ending?: string; readonly settlings: number } | null;
}

describe('a study that comes in', () => {
  let scratch: string;
  let gateway: GatewayUnderTest;
  let client: ConsoleClient;
  let bus: Bus;
  let files: SyntheticFile[];

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-settled-'));
    files = await makeSyntheticFiles(scratch, { studies: 1, instances: 6, seed: 91, rows: 64, columns: 64 });
    gateway = await startGateway({
      config: {
        gateway: { settleAfter: '4s' },
        facilities: [{ id: 'main', match: [{}], destinations: ['away'] }],
        destinations: [{ id: 'away', kind: 'stow', url: 'http://127.0.0.1:9/dicom-web' }],
      },
      env: { CAUSEWAY_STREAM_BYTES: String(STREAM_BYTES) },
    });
    client = await signIn(gateway.pageUrl, gateway.firstPassword());
    bus = await busOf(gateway);
  });
  after(async () => {
    await bus?.close();
    await gateway?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const send = async (some: readonly SyntheticFile[], ...extra: string[]): Promise<string> => {
    const sent = await storescu(
      gateway.ports.dicom,
      { extra },
      some.map(({ path }) => path),
    );
    return sent.output;
  };
  const study = async (): Promise<Study | undefined> => (await client.get<{ studies: Study[] }>('/api/studies')).studies[0];
  const untilIs = (state: string, settlings: number): Promise<Study> =>
    until(`the study is ${state}, settled ${settlings} times`, async () => {
      const found = await study();
      return found?.arrival?.state === state && found.arrival.settlings === settlings && found;
    });
  /** Of the fact stream: each settling is there once. */
  const facts = async (): Promise<number> => (await bus.subjects('FACTS', 'ledger.study.settled')).get('ledger.study.settled') ?? 0;
  const metric = async (): Promise<string> => {
    const ports = JSON.parse(readFileSync(join(gateway.dataFolder, 'run', 'ports.json'), 'utf8')) as Record<string, number>;
    return (await fetch(`http://127.0.0.1:${ports['ops-ledger']}/metrics`)).text();
  };

  it('settles as incomplete when its sender aborted, and is counted', async () => {
    await send(files.slice(0, 3), '--abort');
    await untilIs('receiving', 0);
    const { arrival, instances } = await untilIs('incomplete', 1);
    assert.deepEqual([arrival?.ending, instances], ['aborted-by-peer', 3]);
    assert.equal(await facts(), 1);
    assert.match(await metric(), /^causeway_ledger_incomplete_studies(\{.*\})? 1\b/m);
    const { work } = await client.get<{ work: { incomplete: number } }>('/api/status');
    assert.equal(work.incomplete, 1);
  });

  it('is open again when the rest comes, and settles for the second time, once, though the ledger is killed', async () => {
    await send(files.slice(3));
    await untilIs('receiving', 1);
    await gateway.killService('ledger');
    const { arrival, instances } = await untilIs('settled', 2);
    assert.deepEqual([arrival?.ending, instances], ['released', 6]);
    assert.equal(await facts(), 2);
    await until('nothing is incomplete', async () => /^causeway_ledger_incomplete_studies(\{.*\})? 0\b/m.test(await metric()));
  });
});
