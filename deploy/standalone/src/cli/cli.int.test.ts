// The command line as a process, against a real console on a real PostgreSQL.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { type ReceiptId, uuidV7 } from '@causeway/shared/brands';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import {
  failedFact,
  parkedFact,
  quarantinedFact,
  routedFact,
  sampleDelivery,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { TransientError } from '@causeway/shared/errors';
import type { Fact, Held } from '@causeway/shared/events/facts';
import { type InstanceReady, instanceReady } from '@causeway/shared/events/instance';
import { startTestConsole, TEST_DOCUMENT, TEST_PASSWORD, type TestConsole } from '../../../../services/console/src/console-for-tests.ts';
import { type CausewayRun, type Person, runCauseway, typeAtCauseway } from '../../../../test-e2e/src/run-causeway.ts';
import { makeSyntheticFiles } from '../../../../test-e2e/src/synthetic-files.ts';

const GIB = 1024 ** 3;
const held: Held = { reason: 'unmatched', detail: 'no endpoint', facility: 'hub', candidates: [] };

let page: TestConsole;
let url: string;
let home: string;
let person: Person;
before(async () => {
  page = await startTestConsole({ space: async () => ({ free: 90 * GIB, total: 100 * GIB }) });
  url = await page.app.listen({ host: '127.0.0.1', port: 0 });
});
after(() => page?.stop());
beforeEach(async () => {
  await page.clear();
  home = mkdtempSync(join(tmpdir(), 'causeway-cli-'));
  const { token } = (await page.request('POST', '/api/tokens', { name: 'test' })).json<{ token: string }>();
  person = { url, home, env: { CAUSEWAY_TOKEN: token } };
});
afterEach(() => rmSync(home, { recursive: true }));

const know = (...facts: Fact[]): Promise<unknown> => applyFacts(page.database, facts);
const run = (...words: string[]): Promise<CausewayRun> => runCauseway(person, ...words);
/** Somebody without a token who signs in. */
async function signIn(password = TEST_PASSWORD): Promise<{ newcomer: Person; run: CausewayRun }> {
  const newcomer = { url, home: mkdtempSync(join(home, 'newcomer-')) };
  const run = await runCauseway(asUser(newcomer, password), 'login', '--name', 'desk', '--days', '30');
  return { newcomer, run };
}
const asUser = (who: Person, password = TEST_PASSWORD): Person => ({
  ...who,
  env: { CAUSEWAY_USER: 'admin', CAUSEWAY_PASSWORD: password },
});
const tokensOf = async (who: Person): Promise<{ id: string; name: string }[]> =>
  (JSON.parse((await runCauseway(who, 'token', 'list', '--json')).stdout) as { tokens: { id: string; name: string }[] }).tokens;

/** What it wrote, and that it wrote no stack. */
function said({ stdout, stderr }: CausewayRun): string {
  assert.doesNotMatch(stdout + stderr, /\n {4}at /);
  return stdout + stderr;
}

describe('login', () => {
  test('keeps a token that others cannot read, is signed out again, and later commands need nothing more', async () => {
    await page.database.query('DELETE FROM sessions');
    const { newcomer, run } = await signIn();
    assert.deepEqual([run.code, /^Signed in to http.* as admin until /.test(said(run))], [0, true]);
    const file = join(newcomer.home, 'causeway', 'token');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(Object.keys(JSON.parse(readFileSync(file, 'utf8')) as object), [url]);
    assert.deepEqual(await page.database.query('SELECT * FROM sessions'), []);
    const { code, stdout } = await runCauseway(newcomer, 'token', 'list');
    assert.deepEqual([code, /desk \(kept here\) +admin/.test(stdout)], [0, true], stdout);
  });

  test('at a terminal asks for user and password, and does not show what is typed as the password', async () => {
    const answers = [
      ['User of', 'admin'],
      ['Password:', TEST_PASSWORD],
    ] as const;
    const { code, shown } = await typeAtCauseway({ url, home }, ['login'], answers);
    assert.equal(code, 0, shown);
    assert.match(shown, /User of http.*admin.*Password: .*Signed in to http/s);
    assert.ok(!shown.includes(TEST_PASSWORD), shown);
  });

  test('with a wrong password is refused in words, without a token being kept', async () => {
    const { newcomer, run } = await signIn('wrong password!');
    assert.equal(run.code, 1);
    assert.match(said(run), /User and password do not fit\.\nCheck both and try again\./);
    for (const words of [['status'], ['config', 'dry-run', join(import.meta.dirname, '../../../../gateway.example.yaml')]])
      assert.match(said(await runCauseway(newcomer, ...words)), /There is no token for .* yet\.\nMake one: npm run causeway -- login/);
  });

  test('where there is no terminal and no password in the environment says what to set', async () => {
    const refused = await run('login');
    assert.deepEqual([refused.code, /CAUSEWAY_USER and CAUSEWAY_PASSWORD/.test(said(refused))], [1, true]);
  });

  test('a token revokes itself and is forgotten; that of another command line is revoked by its user', async () => {
    const { newcomer } = await signIn();
    const [own, other] = ['desk', 'test'].map((wanted) => async () => (await tokensOf(person)).find(({ name }) => name === wanted)?.id);
    const otherId = (await other!())!;
    assert.equal((await runCauseway(newcomer, 'token', 'revoke', otherId)).code, 1);
    assert.equal((await runCauseway(newcomer, 'token', 'revoke', (await own!())!)).code, 0);
    assert.equal(readFileSync(join(newcomer.home, 'causeway', 'token'), 'utf8').trim(), '{}');
    assert.equal(await own!(), undefined);
    assert.equal((await runCauseway(asUser(newcomer), 'token', 'revoke', otherId)).code, 0);
    const refused = await run('status');
    assert.equal(refused.code, 1);
    assert.match(said(refused), /The token is not valid \(any more\)\.\nMake one: npm run causeway -- login/);
  });
});

describe('an address', () => {
  test('where nothing answers, or something else does, is said as such', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const nothing = await runCauseway({ ...person, url }, 'status');
    assert.equal(nothing.code, 1);
    assert.match(said(nothing), /does not answer at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\)\.\n.*--url/);
    const other = createServer((_, response) => response.end('<h1>It works!</h1>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const foreign = await run('status', '--url', `http://127.0.0.1:${(other.address() as AddressInfo).port}`);
    other.close().closeAllConnections();
    assert.equal(foreign.code, 1);
    assert.match(said(foreign), /is not the gateway's API/);
  });
});

describe('status and doctor', () => {
  test('status tells how the gateway does; --json is the answer of the API as it is', async () => {
    const { code, stdout } = await run('status');
    assert.equal(code, 0);
    assert.match(stdout, /^configuration ready$/m);
    assert.match(stdout, /^cloud +stow +open/m);
    const answer = JSON.parse((await run('status', '--json')).stdout) as { disk: object };
    assert.deepEqual(answer, (await page.request('GET', '/api/status')).json());
  });

  test('doctor tells each thing that is wrong, and its exit code says that one was', async () => {
    await know(routedFact(sampleInstance(1, 1), 1, { held, to: ['cloud'] }));
    const result = await run('doctor', '--dicom-host', '127.0.0.1');
    assert.equal(result.code, 1, said(result));
    assert.match(result.stdout, /^ok {7}the gateway answers at http/m);
    assert.match(result.stdout, /^ok {7}the token is valid$/m);
    assert.match(result.stdout, /^warning {2}1 instance held.*\n {9}-> npm run causeway -- hold list/m);
    assert.match(result.stdout, /^FAILED {3}listener default \(127\.0\.0\.1:4104\) cannot be reached: ECONNREFUSED/m);
    assert.match(result.stdout, /^warning {2}the oldest delivery waits for .* days/m);
    assert.match(result.stdout, /\n8 ok, 2 warnings, 1 failed\n$/);
  });

  test('doctor tells what it can while JetStream does not answer, and looks at the listeners all the same', async () => {
    page.bus.onLook = () => {
      throw new TransientError('JetStream did not answer');
    };
    const result = await run('doctor').finally(() => {
      page.bus.onLook = () => {};
    });
    assert.equal(result.code, 1, said(result));
    assert.match(result.stdout, /^FAILED {3}Not possible right now: JetStream did not answer/m);
    assert.match(result.stdout, /^ok {7}every service is ready: configuration/m);
    assert.match(result.stdout, /^FAILED {3}listener default/m);
  });

  test('doctor without a valid token says so, and what can be seen without one', async () => {
    const result = await runCauseway({ ...person, env: { CAUSEWAY_TOKEN: 'none' } }, 'doctor');
    assert.equal(result.code, 1);
    assert.match(result.stdout, /^FAILED {3}The token is not valid/m);
    assert.match(result.stdout, /^ok {7}every service is ready: configuration/m);
  });
});

describe('work that waits', () => {
  test('is listed with the reason, and assigned by study; what does not wait is refused', async () => {
    const [first, second] = [sampleInstance(1, 1), sampleInstance(1, 2)];
    await know(routedFact(first!, 1, { held }), routedFact(second!, 1, { held }));
    const study = first!.studyInstanceUid!;
    assert.match((await run('hold', 'list')).stdout, new RegExp(`^${study} +2 .*unmatched: no endpoint`, 'm'));
    const assigned = await run('hold', 'assign', study, '--to', 'ms44');
    assert.deepEqual([assigned.code, assigned.stdout], [0, '2 instances assigned to ms44.\n']);
    const events = page.bus.published.map(({ event }) => instanceReady.parse(event).assignment);
    assert.deepEqual(
      events,
      [1, 2].map(() => ({ facilities: ['ms44'], by: 'admin' })),
    );
    const again = await run('hold', 'assign', study, '--to', 'ms44');
    assert.equal(again.code, 1);
    assert.match(said(again), /Nothing of .* is held\. What waits: npm run causeway -- hold list/);
  });

  test('is released by receipt: held to the rules, quarantined to the start', async () => {
    const [waiting, refused] = [sampleInstance(1, 1), sampleInstance(1, 2)];
    await know(routedFact(waiting!, 1, { held }), quarantinedFact(refused!, 1, 2));
    const { code, stdout } = await run('hold', 'release', waiting!.receiptId, refused!.receiptId);
    assert.deepEqual([code, stdout], [0, '2 instances released: what fits no rule is held again.\n']);
    assert.deepEqual(page.bus.published.map(({ event }) => event.type).sort(), ['instance.ready', 'instance.received']);
  });

  test('is released as a whole however much it is, each once, also while the rules hold it again', async () => {
    const instances = Array.from({ length: 1_100 }, (_, n) => sampleInstance(1, n + 1));
    const others = [sampleInstance(2, 1), sampleInstance(1, 2_000)];
    await know(
      ...[...instances, ...others.slice(0, 1)].map((instance) => routedFact(instance, 1, { held })),
      quarantinedFact(others[1]!, 1, 2),
    );
    const publish = page.bus.publish.bind(page.bus);
    page.bus.publish = async (event, to) => {
      await publish(event, to);
      const { instance, generation, type } = event as InstanceReady;
      if (type === 'instance.ready' && Number(instance.attributes.InstanceNumber) % 100 < 5)
        await know(routedFact(instance, 3, { held, generation }));
    };
    const { code, stdout } = await run('hold', 'release', instances[0]!.studyInstanceUid!);
    page.bus.publish = publish;
    assert.deepEqual([code, stdout], [0, '1101 instances released: what fits no rule is held again.\n']);
    const released = page.bus.published.map(({ event }) => (event as unknown as InstanceReady).instance.receiptId);
    assert.deepEqual(released.sort(), [...instances, others[1]!].map(({ receiptId }) => receiptId as string).sort());
  });

  test('is not discarded without a terminal to ask on, but with --yes, and at a terminal only after a yes', async () => {
    const instance = sampleInstance(1, 1);
    await know(routedFact(instance, 1, { held }));
    const words = ['hold', 'discard', instance.receiptId];
    const refused = await run(...words);
    assert.equal(refused.code, 1);
    assert.match(said(refused), /Nothing was done.*--yes/);
    const no = await typeAtCauseway(person, words, [['[y/N]', 'n']]);
    assert.deepEqual([no.code, /Nothing was done/.test(no.shown)], [1, true]);
    assert.equal((await page.request('GET', '/api/held')).json().waiting.length, 1);
    const yes = await typeAtCauseway(person, words, [['[y/N]', 'y']]);
    assert.deepEqual([yes.code, /1 instance discarded/.test(yes.shown)], [0, true]);
  });
});

describe('deliveries', () => {
  test('are listed by state, retried by id and all of a destination, and given up', async () => {
    const instances = [1, 2, 3].map((n) => sampleInstance(n, n));
    await know(
      ...instances.flatMap((instance) => [routedFact(instance, 1, { to: ['cloud'] }), failedFact(sampleDelivery(instance, 'cloud'), 2)]),
    );
    const { deliveries } = JSON.parse((await run('deliveries', 'list', '--json')).stdout) as { deliveries: { id: string }[] };
    assert.equal(deliveries.length, 3);
    assert.match((await run('deliveries', 'list')).stdout, /cloud .*failed/);
    assert.equal((await run('deliveries', 'retry', deliveries[0]!.id)).stdout, '1 delivery tried again.\n');
    const twice = await run('deliveries', 'retry', deliveries[0]!.id);
    assert.deepEqual([twice.code, /not failed/.test(said(twice))], [1, true]);
    assert.equal((await run('deliveries', 'discard', deliveries[1]!.id, '--yes')).stdout, '1 delivery given up.\n');
    assert.equal((await run('deliveries', 'retry', '--destination', 'cloud')).stdout, '1 delivery tried again.\n');
    assert.equal((await run('deliveries', 'list')).stdout, 'No delivery is failed.\n');
    assert.equal((await run('deliveries', 'list', '--state', 'nonsense')).code, 2);
    assert.equal((await run('deliveries', 'retry')).code, 2);
    await know(...instances.map((instance) => parkedFact(sampleDelivery(instance, 'pacs'), 3)));
    assert.match((await run('deliveries', 'list', '--state', 'parked')).stdout, /pacs .*parked .*destination-queue/);
    assert.equal((await run('deliveries', 'retry', '--state', 'parked', '--destination', 'pacs')).stdout, '3 deliveries tried again.\n');
    const unknown = await run('deliveries', 'retry', '--destination', 'nowhere');
    assert.deepEqual([unknown.code, /There is no destination nowhere in the gateway document/.test(said(unknown))], [1, true]);
  });
});

describe('users', () => {
  test('are made, listed, changed and removed by an administrator who signs in; a token is enough to list them', async () => {
    const signedIn = (...words: string[]) => runCauseway(asUser(person), 'users', ...words);
    const made = await signedIn('add', 'nora', '--role', 'operator', '--facilities', 'north');
    const password = /^nora is operator of north. First password, shown only now: (\S+)$/m.exec(said(made))?.[1];
    assert.ok(password !== undefined, said(made));
    assert.match((await run('users', 'list')).stdout, /^nora +operator +north .* first$/m);
    assert.match(said(await signedIn('set', 'nora', '--role', 'reader', '--all-facilities')), /nora is reader of all facilities/);
    const again = said(await signedIn('set', 'nora', '--new-password'));
    assert.ok(again.startsWith('New first password') && !again.includes(password), again);
    const last = await signedIn('set', 'admin', '--role', 'reader', '--all-facilities');
    assert.deepEqual([last.code, /only administrator/.test(said(last))], [1, true]);
    assert.equal((await signedIn('remove', 'nora')).code, 1);
    assert.match(said(await signedIn('remove', 'nora', '--yes')), /nora is removed/);
    assert.doesNotMatch((await run('users', 'list')).stdout, /nora/);
    for (const words of [
      ['add', 'x'],
      ['add', 'x', '--role', 'reader'],
      ['set', 'x'],
      ['add', 'x', '--facilities', 'north'],
    ])
      assert.equal((await signedIn(...words)).code, 2, words.join(' '));
  });
});

describe('the gateway document', () => {
  const write = (name: string, text: string): string => {
    writeFileSync(join(home, name), text);
    return name;
  };

  const RIGHT =
    'facilities: [{ id: a, match: [{}], destinations: [s] }]\ndestinations: [{ id: s, kind: stow, url: "http://a.example/" }]\n';
  const WRONG = 'facilities: [{ id: BAD, match: [{}], destinations: [nowhere] }]\ndestinations: 3\n';
  const named = (facility: string): object => ({ ...TEST_DOCUMENT, facilities: [{ id: facility, match: [{}], destinations: ['cloud'] }] });
  const put = (facility: string) => page.request('PUT', '/api/configuration', { document: named(facility), comment: `for ${facility}` });

  test('without a gateway a wrong one is refused with every problem, a right one taken', async () => {
    const refused = await run('config', 'validate', write('wrong.yaml', WRONG), '--offline');
    assert.equal(refused.code, 1);
    assert.match(said(refused), /^\d problems\n/m);
    for (const path of ['facilities[0].id: "BAD" must be', 'destinations: 3 must be a list'])
      assert.ok(said(refused).includes(`- ${path}`), said(refused));
    const right = write('right.yaml', RIGHT);
    const taken = await runCauseway({ ...person, url: `http://127.0.0.1:${await freePort()}` }, 'config', 'validate', right);
    assert.deepEqual([taken.code, taken.stdout], [0, 'right.yaml is valid (checked here, without the gateway)\n']);
    const missing = await run('config', 'validate', 'nowhere.yaml');
    assert.deepEqual([missing.code, /nowhere\.yaml cannot be read \(ENOENT\)/.test(said(missing))], [1, true]);
  });

  test('is checked by the gateway: every problem at once, or its changes against the newest revision', async () => {
    await put('north');
    const refused = await run('config', 'validate', write('wrong.yaml', WRONG));
    assert.equal(refused.code, 1);
    assert.match(said(refused), /- destinations: 3 must be a list\n(- .*\n)*.*the document that holds now stays in force/);
    const { code, stdout } = await run('config', 'validate', write('south.json', JSON.stringify(named('south'))));
    assert.equal(code, 0);
    assert.match(stdout, /south\.json is valid \(checked by the gateway at http.*\)\n2 changes\n/);
    assert.match(stdout, /^ {2}\+ facilities\[south\]: \{"id":"south"/m);
    assert.match(stdout, /^ {2}- facilities\[north\]/m);
    assert.equal((await run('config', 'validate', 'south.json', '--json')).stdout.includes('"notActedOn": []'), true);
  });

  test('is applied only when wanted, with its comment, and not at all when it changes nothing', async () => {
    await put('north');
    const file = write('south.json', JSON.stringify(named('south')));
    const refused = await run('config', 'apply', file);
    assert.deepEqual([refused.code, /^2 changes$/m.test(refused.stdout), /--yes/.test(said(refused))], [1, true, true]);
    assert.equal((await page.request('GET', '/api/configuration')).json().revision, 1);
    const applied = await run('config', 'apply', file, '--yes', '--comment', 'go live');
    assert.deepEqual([applied.code, /^Revision 2 is applied\. Back: .* config rollback 1$/m.test(applied.stdout)], [0, true]);
    const again = await run('config', 'apply', file, '--yes');
    assert.deepEqual([again.code, /^Nothing was applied: revision 2 says the same\.$/m.test(again.stdout)], [0, true]);
    const { stdout } = await run('config', 'history');
    assert.match(stdout, /^ +2 .* admin +api +go live\n +1 .* admin +api +for north$/m);
  });

  test('at a terminal is applied after a yes', async () => {
    const file = write('south.json', JSON.stringify(named('south')));
    const { code, shown } = await typeAtCauseway(person, ['config', 'apply', file], [['[y/N]', 'yes']]);
    assert.deepEqual([code, /Revision 1 is applied/.test(shown)], [0, true], shown);
  });

  test('that somebody else changed between showing and applying is refused', async () => {
    await put('north');
    const file = write('south.json', JSON.stringify(named('south')));
    const typing = typeAtCauseway(person, ['config', 'apply', file], [['[y/N]', () => put('west').then(() => 'y')]]);
    const { code, shown } = await typing;
    assert.deepEqual([code, /Somebody applied another revision since/.test(shown)], [1, true], shown);
    assert.equal((await page.request('GET', '/api/configuration')).json().revision, 2);
  });

  test('is compared by revision and by file, and rolled back as a new revision', async () => {
    await put('north');
    await put('south');
    assert.match((await run('config', 'diff', '1', '2')).stdout, /^revision 1 -> 2: 2 changes\n/);
    assert.equal((await run('config', 'diff', '2')).stdout, 'revision 2 -> 2: no changes\n');
    assert.match((await run('config', 'diff', write('north.json', JSON.stringify(named('north'))))).stdout, /^2 changes\n/);
    const back = await run('config', 'rollback', '1');
    assert.equal(back.code, 0, said(back));
    assert.match(
      back.stdout,
      /^2 changes\n {2}- facilities\[south\].*\n {2}\+ facilities\[north\].*\nThe document of revision 1 is in force again, as revision 3\.\n$/,
    );
    const shown = await run('config', 'show');
    assert.match(shown.stdout, /^# revision 3, .*, admin: rollback to revision 1\nfacilities:\n {2}- id: north$/m);
    assert.equal((await run('config', 'diff', write('shown.yaml', shown.stdout))).stdout, 'no changes\n');
    const unknown = await run('config', 'rollback', '9');
    assert.deepEqual([unknown.code, /Revision 9 is not known/.test(said(unknown))], [1, true]);
    assert.equal((await run('config', 'rollback', 'x')).code, 2);
  });
});

describe('explain and dry run', () => {
  /** Sends everything to `pacs` instead. */
  const draft = (): string => {
    const [north, ms44] = TEST_DOCUMENT.facilities;
    writeFileSync(join(home, 'draft.json'), JSON.stringify({ ...TEST_DOCUMENT, facilities: [{ ...north, destinations: ['pacs'] }, ms44] }));
    return 'draft.json';
  };

  test('a study and a receipt are explained by the rules that were tried', async () => {
    const instance = sampleInstance(1, 1);
    await know(routedFact(instance, 1, { to: ['cloud'] }));
    const byStudy = await run('explain', instance.studyInstanceUid!);
    assert.equal(byStudy.code, 0, said(byStudy));
    assert.match(byStudy.stdout, new RegExp(`^Receipt ${instance.receiptId} \\(routed\\), by the rules of revision 1$`, 'm'));
    assert.match(byStudy.stdout, /^ {2}Rules: facility\n {4}(yes|no ) {2}(north|ms44): match /m);
    assert.match(byStudy.stdout, /^ {4}cloud.*, due: /m);
    assert.equal((await run('explain', instance.receiptId)).stdout, byStudy.stdout);
    assert.deepEqual(
      JSON.parse((await run('explain', instance.receiptId, '--json')).stdout),
      (await page.request('GET', `/api/explain?receipt=${instance.receiptId}`)).json(),
    );
  });

  test('a file is explained as if it were sent: its header is read here, the association comes from the options', async () => {
    await page.request('PUT', '/api/configuration', { document: TEST_DOCUMENT });
    const [file] = await makeSyntheticFiles(home, { studies: 1, instances: 1, seed: 9, rows: 64, columns: 64 });
    const plain = await run('explain', file!.path);
    assert.equal(plain.code, 0, said(plain));
    assert.match(
      plain.stdout,
      /as if CAUSEWAY_SEND at 127\.0\.0\.1 sent it to GATEWAY:\nNot sent: what would happen, by the rules of revision 1\n {2}Facility north/,
    );
    assert.match((await run('explain', file!.path, '--called', 'MS44')).stdout, /Facility ms44 .*pacs for ms44, not-sent: /s);
    assert.match((await run('explain', file!.path, '--document', draft())).stdout, /under the draft\n.*Deliveries\n {4}pacs for north/s);
    assert.doesNotMatch(plain.stdout, /SYNTHETIC\^PATIENT/);
  });

  test('what was not received, a file that is none, and options of a file for a study are refused', async () => {
    await page.request('PUT', '/api/configuration', { document: TEST_DOCUMENT });
    const unknown = await run('explain', '1.2.3');
    assert.deepEqual([unknown.code, /Study 1\.2\.3 is not known/.test(said(unknown))], [1, true]);
    assert.deepEqual([(await run('explain', 'gone.dcm')).code, (await run('explain', '1.2.3', '--called', 'X')).code], [1, 2]);
    const notDicom = await run('explain', draft());
    assert.deepEqual([notDicom.code, /is no DICOM file that can be read/.test(said(notDicom))], [1, true]);
  });

  test('a dry run tells which instances a draft would decide otherwise, and a wrong draft is refused', async () => {
    const now = new Date().toISOString();
    const received = [1, 2].map((n) => ({ ...sampleInstance(1, n), receivedAt: now, receiptId: uuidV7() as ReceiptId }));
    await know(...received.map((instance) => routedFact(instance, 1, { to: ['cloud'] })));
    const { code, stdout } = await run('config', 'dry-run', draft(), '--days', '1');
    assert.equal(code, 0, stdout);
    assert.match(
      stdout,
      /^2 of 2 instances received since .* would be decided otherwise\n\n2 instances, for example .*\n {2}destinations: cloud -> pacs\n$/,
    );
    writeFileSync(join(home, 'wrong.json'), '{"destinations": 3}');
    const wrong = await run('config', 'dry-run', 'wrong.json');
    assert.deepEqual([wrong.code, /destinations: 3 must be a list/.test(said(wrong))], [1, true]);
    assert.equal((await run('config', 'dry-run', draft(), '--days', '91')).code, 2);
  });
});
