// An operator's day at the command line, on a whole gateway: from the first password to an instance that no rule fitted.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { untilArrived } from './arrivals.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { type CausewayRun, type Person, runCauseway } from './run-causeway.ts';
import { runSend } from './run-send.ts';
import { makeSyntheticFiles, type SyntheticFile } from './synthetic-files.ts';
import { until } from './wait-for-fact.ts';

interface Delivery {
  readonly studyKey: string;
  readonly destination: string;
  readonly rule: string;
}

describe('npm run causeway', () => {
  let home: string;
  let gateway: GatewayUnderTest;
  let person: Person;
  let document: ReturnType<typeof documentFor>;
  let seed = 5500;

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'causeway-operator-'));
    const sandboxPort = await freePort();
    document = documentFor(sandboxPort);
    gateway = await startGateway({ config: document, env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort) } });
    person = { url: gateway.pageUrl, home };
  });
  after(async () => {
    await gateway?.stop();
    await rm(home, { recursive: true, force: true });
  });

  const causeway = (...words: string[]): Promise<CausewayRun> => runCauseway(person, ...words);
  /** What was written, after the exit code is as it shall be. */
  async function told(code: 0 | 1, ...words: string[]): Promise<string> {
    const run = await causeway(...words);
    console.log(`$ npm run causeway -- ${words.join(' ')}\n${run.stdout}${run.stderr}`);
    assert.equal(run.code, code, run.stdout + run.stderr);
    return run.stdout + run.stderr;
  }
  const write = (name: string, content: object | string): Promise<void> =>
    writeFile(join(home, name), typeof content === 'string' ? content : JSON.stringify(content));

  async function send(institution: string): Promise<SyntheticFile> {
    const [file] = await makeSyntheticFiles(home, { studies: 1, instances: 1, seed: ++seed, rows: 64, columns: 64, institution });
    const { code, output } = await runSend(['--port', gateway.ports.dicom, file!.path]).ended;
    assert.equal(code, 0, output);
    return file!;
  }

  it('logs in with the first password, and is told to change it', async () => {
    const env = { CAUSEWAY_USER: 'admin', CAUSEWAY_PASSWORD: gateway.firstPassword() };
    const { code, stdout, stderr } = await runCauseway({ ...person, env }, 'login');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Signed in to http:\/\/127\.0\.0\.1:\d+ as admin until /);
    assert.match(stderr, /the first password is still in use/);
  });

  it('shows how the gateway does: every service ready, by the revision in force', async () => {
    const text = await told(0, 'status');
    for (const service of ['receiver', 'compressor', 'router', 'uploader', 'retriever', 'ledger', 'configuration'])
      assert.match(text, new RegExp(`^${service} +ready$`, 'm'));
    assert.match(text, /^document +revision 1$/m);
    assert.match(text, /^cloud +stow +open/m);
    const { services } = JSON.parse((await causeway('status', '--json')).stdout) as { services: Record<string, { revision?: number }> };
    assert.deepEqual([services.receiver?.revision, services.ledger?.revision], [1, 1]);
  });

  it('the doctor finds nothing wrong with a gateway that is well, and answers to its C-ECHO', async () => {
    const text = await until('the ledger has written what the start told', async () => {
      const { stdout } = await causeway('doctor');
      return / 0 warnings, 0 failed\n$/.test(stdout) && stdout;
    });
    console.log(text);
    assert.match(text, /^ok +revision 1 of the gateway document is in force in every service$/m);
    assert.match(text, /^ok +listener default \(127\.0\.0\.1:\d+\) answers C-ECHO as GATEWAY$/m);
    assert.equal((await causeway('doctor')).code, 0);
  });

  it('a wrong document is refused with every problem, and changes nothing', async () => {
    const [cloud] = document.destinations;
    await write('wrong.yaml', {
      facilities: [{ id: 'North', match: [{ network: '10.1.0.0/33' }], destinations: ['cloud', 'nowhere'] }],
      destinations: [{ ...cloud, batch: { instances: 'many' } }],
      limits: { artim: 30 },
    });
    const text = await told(1, 'config', 'validate', 'wrong.yaml');
    for (const path of [
      'facilities[0].id: "North"',
      'facilities[0].match[0].network: "10.1.0.0/33"',
      'facilities[0].destinations[1]: "nowhere"',
      'limits.artim: 30',
    ])
      assert.ok(text.includes(`- ${path} `), path);
    await told(1, 'config', 'apply', 'wrong.yaml', '--yes');
    assert.match(await told(0, 'config', 'history'), /^ +1 .* file .*$/m);
  });

  it('a right one is shown, applied and in force in every service, compared, and rolled back', async () => {
    const changed = structuredClone(document);
    changed.facilities.push({ id: 'north', name: 'North Imaging', match: [{ calledAe: 'NORTH' }], destinations: ['cloud'] });
    await write('right.yaml', changed);
    assert.match(await told(0, 'config', 'validate', 'right.yaml'), /^1 change\n {2}\+ facilities\[north\]/m);
    await told(1, 'config', 'apply', 'right.yaml');
    assert.match(await told(0, 'config', 'apply', 'right.yaml', '--yes', '--comment', 'north goes live'), /^Revision 2 is applied\./m);
    assert.match(await told(0, 'doctor'), /^ok +revision 2 of the gateway document is in force in every service$/m);
    await told(0, 'config', 'diff', '1', '2');
    assert.match(await told(0, 'config', 'rollback', '1', '--comment', 'north waits'), /as revision 3\.$/m);
    assert.match(await told(0, 'config', 'history'), /^ +3 .* admin +api +north waits\n +2 .* admin +api +north goes live\n +1 .*file/m);
    assert.equal((await causeway('config', 'diff', '1', '3')).stdout, 'revision 1 -> 3: no changes\n');
    assert.match(await told(0, 'doctor'), /^ok +revision 3 of the gateway document is in force in every service$/m);
  });

  it('an instance that no facility fits is listed, assigned by its study, and delivered', async () => {
    const file = await send('NOWHERE CLINIC');
    const list = await until('the instance is held', async () => {
      const { stdout } = await causeway('hold', 'list');
      return stdout.includes(file.studyInstanceUid) && stdout;
    });
    assert.match(list, /NOWHERE CLINIC +held .*no-facility: /);
    assert.match(await told(0, 'doctor'), /^warning {2}1 instance held/m);
    await told(1, 'hold', 'assign', file.studyInstanceUid, '--to', 'nowhere');
    assert.match(await told(0, 'hold', 'assign', file.studyInstanceUid, '--to', 'ms44'), /^1 instance assigned to ms44\.$/m);
    await untilArrived(gateway.sandboxUrl, [file.sopInstanceUid]);
    const delivery = await until('the delivery is confirmed', async () => {
      const { stdout } = await causeway('deliveries', 'list', '--state', 'confirmed', '--study', file.studyInstanceUid, '--json');
      return (JSON.parse(stdout) as { deliveries: Delivery[] }).deliveries[0];
    });
    assert.deepEqual([delivery.destination, delivery.rule], ['cloud', 'ms44: assigned by admin']);
    assert.match(await told(0, 'deliveries', 'list', '--state', 'confirmed'), new RegExp(`${file.studyInstanceUid} .*cloud .*confirmed`));
    assert.match(await told(0, 'hold', 'list'), /^Nothing waits for a person\.$/m);
  });

  it('explains where a file would go, why a study went where it went, and what a draft would have changed', async () => {
    const [file] = await makeSyntheticFiles(home, { studies: 1, instances: 1, seed: ++seed, rows: 64, columns: 64 });
    assert.match(await told(0, 'explain', file!.path), /Facility none;.*Deliveries\n {4}none\n {2}Held: no-facility: /s);
    assert.match(await told(0, 'explain', file!.path, '--called', 'MS44'), /Facility ms44 .*cloud for ms44, not-sent: /s);
    const { deliveries } = JSON.parse((await causeway('deliveries', 'list', '--state', 'confirmed', '--json')).stdout) as {
      deliveries: Delivery[];
    };
    assert.match(await told(0, 'explain', deliveries[0]!.studyKey), /cloud for ms44, confirmed: ms44: assigned by admin/);
    const draft = structuredClone(document);
    draft.facilities.push({ id: 'rest', name: 'The rest', match: [{}], destinations: ['cloud'] } as (typeof draft.facilities)[number]);
    await write('draft.yaml', draft);
    assert.match(
      await told(0, 'config', 'dry-run', 'draft.yaml', '--days', '1'),
      /^1 of 1 instance received.*\n {2}facilities: none -> rest/ms,
    );
  });

  it('the doctor says what is wrong when a service hangs, and its exit code does too', async () => {
    const receiver = gateway.pids().get('receiver')!;
    process.kill(receiver, 'SIGSTOP');
    const { code, stdout } = await causeway('doctor');
    process.kill(receiver, 'SIGCONT');
    assert.equal(code, 1, stdout);
    assert.match(stdout, /^FAILED {3}receiver is not ready: no answer within \d+ ms\n {9}-> ./m);
    assert.match(stdout, /^FAILED {3}listener default .* does not answer C-ECHO/m);
  });
});

function documentFor(sandboxPort: number) {
  return {
    admission: { freeSpaceBelow: '1MiB' },
    facilities: [{ id: 'ms44', name: 'Medical Site 44', match: [{ calledAe: 'MS44' }], destinations: ['cloud'] }],
    destinations: [{ id: 'cloud', kind: 'stow', url: `http://127.0.0.1:${sandboxPort}/dicom-web`, images: 'as-received' }],
  };
}
