// The composition `single` as its administrator runs it: up, a study from storescu through HAProxy to the archive, down and up with work open, backed up, and restored on a machine that has nothing.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { untilArrivedUnchanged } from '../src/arrivals.ts';
import { type ConsoleClient, signIn } from '../src/console-client.ts';
import { storescu } from '../src/peers-under-test.ts';
import { makeSyntheticFiles, type SyntheticFile } from '../src/synthetic-files.ts';
import { until } from '../src/wait-for-fact.ts';
import { Composition } from './composition.ts';

const ARCHIVE = 'archive';
const TRUSTED = getCACertificates('default');

interface Counts {
  readonly received: number;
  readonly confirmed: number;
}

describe('the composition single', () => {
  let scratch: string;
  let here: Composition;
  const sent: SyntheticFile[] = [];

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-single-'));
    here = await Composition.on('first', 'single');
    await here.script('make-secrets.sh', './secrets', 'localhost', '127.0.0.1');
    await here.compose('up', '-d');
    await trustAuthorityOf(here);
    await here.untilReady();
  });
  after(async () => {
    await here?.destroy();
    await rm(scratch, { recursive: true, force: true });
  });

  async function send(instances: number): Promise<SyntheticFile[]> {
    const seed = sent.length + 1;
    const files = await makeSyntheticFiles(join(scratch, String(seed)), { studies: 1, instances, seed, rows: 256, columns: 256 });
    const paths = files.map(({ path }) => path);
    const { ok, output } = await storescu(here.ports.dicom, {}, paths);
    assert.ok(ok, output);
    sent.push(...files);
    return files;
  }

  it('takes a study from storescu through HAProxy, and delivers it byte for byte', async () => {
    await untilArrivedUnchanged(here.sandboxUrl, await send(10));
    await untilCounted(here, { received: 10, confirmed: 10 });
  });

  it('sees the modality and not HAProxy', async () => {
    const signedIn = await client(here);
    const sources = await until('the association is known', async () => {
      const { associations } = await signedIn.get<{ associations: { source: string }[] }>('/api/associations');
      return associations.length > 0 && associations.map(({ source }) => source);
    });
    const ofHaproxy = (await here.compose('exec', '-T', 'haproxy', 'hostname', '-i')).trim().split(/\s+/);
    assert.deepEqual(
      sources.filter((source) => ofHaproxy.includes(source)),
      [],
    );
  });

  it('loses nothing that waits when it is taken down and brought up again', async () => {
    await here.compose('stop', 'sandbox');
    const waiting = await send(6);
    await here.compose('down');
    await here.compose('up', '-d');
    await here.untilReady();
    await untilArrivedUnchanged(here.sandboxUrl, waiting);
    await untilCounted(here, { received: 16, confirmed: 16 });
  });

  it('is backed up with work open, and restored where nothing is: the same counts, and what was open is delivered', async () => {
    const backup = join(scratch, 'backup');
    await here.compose('stop', 'sandbox');
    const open = await send(5);
    await untilCounted(here, { received: 21, confirmed: 16 });
    await here.script('backup.sh', backup);
    assert.match(await readFile(join(backup, 'taken'), 'utf8'), /^\d{4}-/);
    await here.destroy();

    // Its settings are in the backup.
    here = await Composition.on('second', 'single', here.ports);
    await here.script('restore.sh', backup);
    await here.untilReady();
    await untilArrivedUnchanged(here.sandboxUrl, open);
    await untilCounted(here, { received: 21, confirmed: 21 });
    await untilArrivedUnchanged(here.sandboxUrl, await send(3));
  });

  it('is not restored over data that is there', async () => {
    const signedIn = await client(here);
    const before = await counts(signedIn);
    await assert.rejects(
      here.script('restore.sh', join(scratch, 'backup')),
      /the database is not empty \(\d+ tables\): nothing was changed/,
    );
    assert.deepEqual(await counts(signedIn), before);
  });
});

/** Its page has a certificate of the composition's own authority. */
async function trustAuthorityOf(composition: Composition): Promise<void> {
  setDefaultCACertificates([...TRUSTED, await composition.secret('ca.pem')]);
}

const client = async (composition: Composition): Promise<ConsoleClient> =>
  signIn(composition.pageUrl, await composition.secret('first-password'));

async function counts(signedIn: ConsoleClient): Promise<Counts> {
  const { studies } = await signedIn.get<{
    studies: { instances: number; deliveries: Record<string, { confirmed?: number }> }[];
  }>('/api/studies');
  return {
    received: studies.reduce((sum, { instances }) => sum + instances, 0),
    confirmed: studies.reduce((sum, { deliveries }) => sum + (deliveries[ARCHIVE]?.confirmed ?? 0), 0),
  };
}

async function untilCounted(composition: Composition, wanted: Counts): Promise<void> {
  const signedIn = await client(composition);
  await until(`${wanted.received} received and ${wanted.confirmed} confirmed`, async () => {
    const { received, confirmed } = await counts(signedIn);
    return received === wanted.received && confirmed === wanted.confirmed;
  });
}
