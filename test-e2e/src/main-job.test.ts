// The main job of the default gateway: studies of several kinds of senders arrive in the archive, the API tells what became of each, Ctrl-C ends it all.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { untilArrived } from './arrivals.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import { echoByDcmjs, storeByDcmjs } from './dcmjs-peer.ts';
import { type GatewayUnderTest, isAlive, startGateway } from './gateway-under-test.ts';
import { storescu } from './peers-under-test.ts';
import { acceptedUids, runSend } from './run-send.ts';
import { until } from './wait-for-fact.ts';

const execute = promisify(execFile);
const FILES = '/usr/lib/python3/dist-packages/pydicom/data/test_files';
/** Modality, transfer syntax option of storescu, file. */
const REAL_FILES = [
  { option: '-xe', name: 'CT_small.dcm' },
  { option: '-xe', name: 'MR_small.dcm' },
  { option: '-xi', name: 'rtplan.dcm' },
  { option: '-xw', name: 'JPEG2000.dcm' },
];
const BY_DCMJS = 'reportsi.dcm';

interface Study {
  readonly studyKey: string;
  readonly facilities: string[];
  readonly instances: number;
  readonly held: number;
  readonly moving: number;
  readonly deliveries: Record<string, Record<string, number>>;
}

/** Of the data set: senders take it from there, whatever group 2 says. */
async function sopInstanceUidOf(name: string): Promise<string> {
  const { stdout } = await execute('dcmdump', ['+P', '0008,0018', join(FILES, name)]);
  return /\[([0-9.]+)\]/.exec(stdout)![1]!;
}

describe('the default gateway', () => {
  let scratch: string;
  let gateway: GatewayUnderTest;
  let client: ConsoleClient;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-main-job-'));
    gateway = await startGateway();
    client = await signIn(gateway.pageUrl, gateway.firstPassword());
  });
  after(async () => {
    await gateway?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const confirmedStudies = (wanted: (study: Study) => boolean, count: number): Promise<Study[]> =>
    until(`${count} studies wholly confirmed in the ledger`, async () => {
      const { studies } = await client.get<{ studies: Study[] }>('/api/studies');
      const done = studies.filter((study) => wanted(study) && study.deliveries.sandbox?.confirmed === study.instances);
      return done.length === count && done;
    });

  it('takes two studies of npm run send, delivers every instance, and tells facility, counts and delivery state', async () => {
    const log = join(scratch, 'send.ndjson');
    const began = performance.now();
    const { code, output } = await runSend(['--port', gateway.ports.dicom, '--synthetic', '2x5', '--log', log]).ended;
    assert.equal(code, 0, output);
    const accepted = acceptedUids(log);
    assert.equal(accepted.length, 10);
    await untilArrived(gateway.sandboxUrl, accepted);
    console.log(`2 x 5 CT instances in the archive after ${Math.round(performance.now() - began)} ms (start of the sender included)`);
    for (const study of await confirmedStudies(() => true, 2)) {
      const { facilities, instances, held, moving, deliveries } = study;
      assert.deepEqual({ facilities, instances, held, moving }, { facilities: ['main'], instances: 5, held: 0, moving: 0 });
      assert.deepEqual(deliveries, { sandbox: { confirmed: 5 } });
    }
  });

  it('answers C-ECHO of echoscu and of dcmjs-dimse', async () => {
    await execute('echoscu', ['-aec', 'GATEWAY', '127.0.0.1', String(gateway.ports.dicom)]);
    assert.equal(await echoByDcmjs(gateway.ports.dicom), 0x0000);
  });

  it('takes real files of storescu and of dcmjs-dimse, and they arrive', async () => {
    for (const { option, name } of REAL_FILES) {
      const sent = await storescu(gateway.ports.dicom, { extra: [option] }, [join(FILES, name)]);
      assert.ok(sent.ok, `${name}: ${sent.output}`);
    }
    assert.equal(await storeByDcmjs(gateway.ports.dicom, join(FILES, BY_DCMJS)), 0x0000);
    const names = [...REAL_FILES.map(({ name }) => name), BY_DCMJS];
    const uids = await Promise.all(names.map(sopInstanceUidOf));
    assert.equal(new Set(uids).size, names.length);
    await untilArrived(gateway.sandboxUrl, uids);
    await until('each real file is shown as confirmed', async () => {
      const { deliveries } = await client.get<{ deliveries: { sopInstanceUid: string }[] }>('/api/deliveries?state=confirmed&limit=100');
      return uids.every((uid) => deliveries.some(({ sopInstanceUid }) => sopInstanceUid === uid));
    });
  });

  it('compresses what it delivers, and gives the archive no instance twice', async () => {
    const arrivals = await untilArrived(gateway.sandboxUrl, []);
    const compressed = arrivals.filter(({ transferSyntaxUid }) => transferSyntaxUid === '1.2.840.10008.1.2.4.201');
    assert.ok(compressed.length >= 12, `${compressed.length} of ${arrivals.length} arrived as HTJ2K`);
    assert.equal(new Set(arrivals.map(({ sopInstanceUid }) => sopInstanceUid)).size, arrivals.length);
  });

  it('refuses a study for a title that is not its own', async () => {
    const { ok, output } = await storescu(gateway.ports.dicom, { called: 'SOMEBODY_ELSE' }, [join(FILES, 'CT_small.dcm')]);
    assert.equal(ok, false);
    assert.match(output, /Called AE Title Not Recognized/);
  });

  it('ends with Ctrl-C: exit code 0, and no process of it is left', async () => {
    const pids = [...gateway.pids().values()];
    assert.equal(pids.length, 10);
    assert.equal(await gateway.interrupt(), 0, gateway.output());
    assert.deepEqual(pids.filter(isAlive), []);
    assert.deepEqual(processesNaming(gateway.dataFolder), []);
  });
});

/** Command lines of all processes that name this folder, in arguments or environment. */
function processesNaming(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const text = `${readFileSync(`/proc/${pid}/cmdline`, 'utf8')}\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}`;
        return text.includes(folder) ? [text.split('\0').slice(0, 3).join(' ')] : [];
      } catch {
        return [];
      }
    });
}
