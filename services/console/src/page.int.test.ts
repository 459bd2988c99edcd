// The page in a real browser, on a real PostgreSQL: what an operator sees and does, by mouse and by keyboard.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import {
  attemptedFact,
  confirmedFact,
  failedFact,
  parkedFact,
  readyFact,
  receivedFact,
  routedFact,
  sampleDelivery,
  sampleEnvelope,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import type { Fact, Held } from '@causeway/shared/events/facts';
import { type Instance, instanceReady } from '@causeway/shared/events/instance';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { startTestConsole, TEST_DOCUMENT, TEST_PASSWORD, type TestConsole } from './console-for-tests.ts';
import { associationFacts, undeliverableCommitment } from './network-samples-for-tests.ts';

/** A browser without its habit of calling home; as root it has no sandbox. */
const BROWSER_ARGUMENTS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
const BROWSER_PROGRAM = process.env.CAUSEWAY_CHROMIUM ?? '/usr/bin/chromium';
/** Folder for screenshots of each test's end, to look at. */
const SCREENSHOTS = process.env.CAUSEWAY_SCREENSHOTS;
const WITHIN_MS = 15_000;

let gateway: TestConsole;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let address: string;
/** Everything the browser complained about: errors of scripts, refused by the content security policy, unhandled rejections. */
let complaints: string[];

before(async () => {
  gateway = await startTestConsole({ services: {} });
  address = await gateway.app.listen({ host: '127.0.0.1', port: 0 });
  browser = await chromium.launch({ executablePath: BROWSER_PROGRAM, args: BROWSER_ARGUMENTS });
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
});
beforeEach(async (t) => {
  await gateway.clear();
  await context?.close();
  context = await browser.newContext({ viewport: { width: 1360, height: 820 }, colorScheme: t.name.includes('dark') ? 'dark' : 'light' });
  page = await context.newPage();
  page.setDefaultTimeout(WITHIN_MS);
  complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // Chromium logs each answer of 4xx by itself.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(message.text());
  });
});

const know = (...facts: Fact[]): Promise<unknown> => applyFacts(gateway.database, facts);
const configure = async (document: object): Promise<void> =>
  assert.equal((await gateway.request('PUT', '/api/configuration', { document })).statusCode, 200);
const shows = (text: string): Promise<void> => page.getByText(text).first().waitFor();
const held: Held = { reason: 'ambiguous', detail: 'calling AE title CT1 fits two facilities', candidates: ['ms44', 'north'] };

async function signIn(view = ''): Promise<void> {
  await page.goto(`${address}/#${view}`);
  await page.getByLabel('Password').fill(TEST_PASSWORD);
  await page.getByLabel('Password').press('Enter');
  await page.locator('#app').waitFor();
}

async function looked(name: string): Promise<void> {
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
  assert.deepEqual(complaints, []);
}

/** A morning of a small hospital. */
async function aMorning(): Promise<void> {
  const names = ['MÜLLER^JÜRGEN', 'NAKAMURA^HANA=中村^花', 'O´BRIEN^SEÁN', '<svg onload>^EVIL', 'SCHMIDT^ANNA^MARIA'];
  const kinds = [
    ['CT', 'THORAX NATIV'],
    ['MR', 'Schädel mit KM'],
    ['DX', 'Hand links 2 Ebenen'],
    ['US', '<img src=x onerror=alert(1)>'],
    ['MG', 'Mammographie bds.'],
  ];
  for (const [n, name] of names.entries()) {
    const attributes = {
      PatientName: name,
      PatientBirthDate: '19610412',
      PatientSex: 'F',
      Modality: kinds[n]![0]!,
      StudyDescription: kinds[n]![1]!,
    };
    for (let k = 0; k < 4; k += 1) {
      const instance = sampleInstance(n, n * 100 + k, attributes);
      await know(receivedFact(instance, n), ...lifeOf(n, sampleDelivery(instance, 'cloud'), k));
    }
  }
}

function coercedFact(instance: Instance): Fact {
  const fact = readyFact(instance, 650);
  assert.ok(fact.type === 'ledger.instance.ready');
  return { ...fact, compression: { ...fact.compression, coercion: { rules: ['coercion rule 1: set InstitutionName'] } } };
}

function lifeOf(study: number, delivery: ReturnType<typeof sampleDelivery>, k: number): Fact[] {
  const { instance } = delivery;
  const routed = routedFact(instance, 500, { to: ['cloud', 'pacs'] });
  const pacs = sampleDelivery(instance, 'pacs');
  if (study === 0) return [routed, confirmedFact(delivery, 600), confirmedFact(pacs, 600)];
  if (study === 1) return [routed, ...(k < 2 ? [confirmedFact(delivery, 600)] : [attemptedFact(delivery, 600, 2)])];
  if (study === 2) return [routed, confirmedFact(delivery, 600), failedFact(pacs, 600)];
  return study === 3 ? [routedFact(instance, 500, { held })] : [];
}

describe('the page', () => {
  test('refuses a wrong password in words, then lets the right one in', async () => {
    await page.goto(address);
    await page.getByLabel('Password').fill('wrong password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await shows('User and password do not fit.');
    await looked('sign-in');
    await page.getByLabel('Password').fill(TEST_PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Studies' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Password').waitFor();
    assert.equal((await context.cookies()).length, 0);
  });

  test('tells how to send a first study, and shows it by itself when it comes', async () => {
    await signIn();
    await shows('npm run send -- --synthetic 1x10');
    await shows('port 4104');
    await looked('empty');
    await know(receivedFact(sampleInstance(1, 1, { PatientName: 'FIRST^STUDY' }), 1));
    await shows('FIRST, STUDY');
    await shows('1 being processed');
  });

  for (const scheme of ['light', 'dark'])
    test(`shows studies with the state of each destination in words (${scheme})`, async () => {
      await aMorning();
      await signIn();
      await shows('MÜLLER, JÜRGEN');
      const row = (name: string): Promise<string | null> => page.getByRole('row', { name }).locator('.chips').textContent();
      assert.match((await row('NAKAMURA')) ?? '', /cloud\s*2 retrying, 2 delivered/);
      assert.match((await row('BRIEN')) ?? '', /pacs\s*4 failed/);
      assert.match((await row('EVIL')) ?? '', /4 waiting for assignment/);
      assert.match((await row('SCHMIDT')) ?? '', /4 being processed/);
      assert.equal(await page.locator('#waiting-count').textContent(), '4');
      assert.equal(await page.locator('#failed-count').textContent(), '4');
      await looked(`studies-${scheme}`);
    });

  test('shows what came over the network as text, whatever it is', async () => {
    await aMorning();
    await signIn();
    await shows('<img src=x onerror=alert(1)>');
    await shows('<svg onload>, EVIL');
    assert.equal(await page.locator('#view img, #view svg, #view script').count(), 0);
    await looked('escaped');
  });

  test('unfolds a study by keyboard and keeps it unfolded, with the focus, over refreshes', async () => {
    await aMorning();
    await signIn();
    const name = page.getByRole('button', { name: 'MÜLLER, JÜRGEN' });
    await name.focus();
    await page.keyboard.press('Enter');
    await shows('Study Instance UID');
    const late = sampleInstance(0, 50, { PatientName: 'MÜLLER^JÜRGEN' });
    await know(coercedFact(sampleInstance(0, 40, { PatientName: 'MÜLLER^JÜRGEN' })));
    await know(routedFact(late, 700, { to: ['cloud'] }));
    await shows('1 on the way, 4 delivered');
    assert.equal(await name.getAttribute('aria-expanded'), 'true');
    await shows('6 objects');
    await shows('coercion rule 1: set InstitutionName (revision 1), 1 instance');
    assert.ok(await name.evaluate((button) => button === button.ownerDocument.activeElement));
    await looked('unfolded');
  });

  test('finds studies while one types', async () => {
    await aMorning();
    await signIn();
    await shows('SCHMIDT, ANNA MARIA');
    await page.getByRole('searchbox').fill('nakam');
    await page.getByText('SCHMIDT').waitFor({ state: 'detached' });
    await shows('NAKAMURA, HANA');
    await page.getByRole('searchbox').fill('nobody');
    await shows('No study found');
    await looked('search');
  });

  test('assigns a held study to a facility, after which it waits no longer', async () => {
    await aMorning();
    await signIn('waiting');
    await shows('Several facilities match');
    await page.getByRole('button', { name: 'Assign…' }).click();
    await page.getByLabel('Medical Site 44').check();
    await looked('assign');
    await page.getByRole('button', { name: 'Assign', exact: true }).click();
    await shows('Nothing waits');
    const assigned = gateway.bus.published.map(({ event }) => instanceReady.parse(event).assignment);
    assert.deepEqual(assigned, Array(4).fill({ facilities: ['ms44'], by: 'admin' }));
  });

  test('discards only after a question', async () => {
    await aMorning();
    await signIn('waiting');
    await page.getByRole('button', { name: 'Discard…' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Discard…' }).click();
    assert.deepEqual(
      gateway.bus.facts.filter((fact) => fact.type === 'ledger.operator.acted' && fact.action !== 'signed-in'),
      [],
    );
    await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
    await shows('Nothing waits');
  });

  test('retries failed deliveries, and says so in words when that is not possible', async () => {
    await aMorning();
    await signIn('failed');
    await shows('0122 SOP class not supported');
    await looked('failed');
    gateway.bus.refusing = true;
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await shows('Receiving and delivering images does not depend on it');
    gateway.bus.refusing = false;
    await page.getByRole('button', { name: 'Retry all 4 to pacs' }).click();
    await shows('No failed delivery');
    assert.equal(gateway.bus.published.length, 4);
  });

  test('shows parked deliveries with the reason, and queues them by hand', async () => {
    await aMorning();
    await know(...[1, 2, 3].map((n) => parkedFact(sampleDelivery(sampleInstance(7, n), 'pacs'), 800)));
    await signIn('destinations');
    await page.getByRole('link', { name: '3', exact: true }).click();
    await shows('the queue of the destination is full');
    await looked('parked');
    await page.getByRole('button', { name: 'Queue now all 3 to pacs' }).click();
    await shows('No parked delivery');
    assert.equal(gateway.bus.published.length, 3);
  });

  test('shows destinations, paused ones with the reason, and the audit', async () => {
    await aMorning();
    await know({
      ...sampleEnvelope(900),
      type: 'ledger.destination.changed',
      destination: 'pacs',
      state: 'paused',
      reason: 'connect ECONNREFUSED 10.1.0.7:104',
    });
    gateway.bus.queues.set('DELIVERIES delivery.due.cloud.>', 2);
    await signIn('destinations');
    await shows('connect ECONNREFUSED 10.1.0.7:104');
    await looked('destinations');
    await page.getByRole('link', { name: 'Audit' }).click();
    await shows('signed in');
    await looked('audit');
  });

  test('lists associations with what was agreed on, why there was none, and finds them by address, AE title and outcome', async () => {
    await know(...associationFacts());
    await signIn('associations');
    await shows('called AE title is not one of ours');
    await shows('tls on plain port');
    await shows('300 times');
    await page.getByRole('button', { name: '10.1.0.7' }).first().click();
    await shows('1.2.840.10008.5.1.4.1.1.2');
    await shows('3: abstract syntax not supported');
    await shows('TLSv1.3 · CN=ct1');
    await looked('associations');
    await page.getByLabel('Outcome').selectOption('rejected');
    await page.getByText('tls on plain port').waitFor({ state: 'detached' });
    await page.getByLabel('AE title').fill('NOBODY');
    await shows('No association found');
    await looked('associations-none');
  });

  test('lists storage commitment with its failures, and tells an undeliverable result again', async () => {
    const commitment = await undeliverableCommitment(gateway.database);
    await signIn('commitments');
    await shows('no commitment address for CT1');
    await page.getByRole('button', { name: 'CT1' }).click();
    await shows('0112 no such object instance');
    await looked('commitments');
    await page.getByRole('button', { name: 'Tell again' }).click();
    await shows('not decided yet');
    assert.ok(gateway.bus.facts.some((fact) => fact.type === 'ledger.operator.acted' && fact.subject === commitment.id));
  });

  test('shows of each day what was received and what became of it, by facility, with the studies that are not delivered', async () => {
    await aMorning();
    await signIn('days');
    await shows('2026-01-05');
    await shows('not delivered');
    await page.getByRole('button', { name: '2026-01-05' }).click();
    await page.getByRole('table', { name: 'Facilities' }).getByText('north').first().waitFor();
    await page.getByRole('table', { name: 'Studies not delivered' }).waitFor();
    await looked('days');
  });

  test('changes the password', async () => {
    await signIn('account');
    await page.getByLabel('Current password').fill(TEST_PASSWORD);
    await page.getByLabel('New password', { exact: true }).fill('a better password');
    await page.getByLabel('New password, again').fill('a different one');
    await page.getByRole('button', { name: 'Change' }).click();
    await shows('not typed the same twice');
    await looked('account');
    await page.getByLabel('New password, again').fill('a better password');
    await page.getByRole('button', { name: 'Change' }).click();
    await shows('The password is changed');
    assert.equal((await gateway.signIn('a better password')).statusCode, 200);
  });

  test('says in words that PostgreSQL is away, keeps what it shows, and goes on by itself', async () => {
    await aMorning();
    await signIn();
    await shows('MÜLLER, JÜRGEN');
    await gateway.postgres.kill();
    await shows('Receiving and delivering images does not depend on it');
    assert.ok(await page.getByText('MÜLLER, JÜRGEN').isVisible());
    await gateway.postgres.start();
    await page.locator('#banner').waitFor({ state: 'hidden' });
    await looked('back');
  });

  test('lets an administrator make, change and remove a user, and shows the first password once', async () => {
    await signIn('users');
    await page.getByRole('button', { name: 'New user…' }).click();
    await page.getByLabel('Name').fill('nora');
    await page.getByLabel('operator').check();
    await page.getByLabel('North Imaging').check();
    await page.getByRole('button', { name: 'Make', exact: true }).click();
    await shows('First password of nora, shown only now: ');
    const row = page.getByRole('row', { name: 'nora' });
    await row.getByText('operator').waitFor();
    await looked('users');
    await row.getByRole('button', { name: 'Change…' }).click();
    await page.getByLabel('reader').check();
    await page.getByRole('button', { name: 'Change', exact: true }).click();
    await row.getByText('reader').waitFor();
    await row.getByRole('button', { name: 'Remove…' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await row.waitFor({ state: 'detached' });
    await looked('users');
  });

  test('lets an administrator change the gateway document: checked, refused with every problem, rehearsed, applied, and taken back', async () => {
    const write = (document: object): Promise<void> => page.getByLabel('Gateway document').fill(JSON.stringify(document));
    await configure(TEST_DOCUMENT);
    await signIn('configuration');
    await shows('which holds');
    await write({ ...TEST_DOCUMENT, facilities: [{ id: 'north', match: [{}], destinations: ['nowhere'] }] });
    await page.getByRole('button', { name: 'Check' }).click();
    await shows('it cannot be applied');
    await shows('facilities[0].destinations[0]');
    await looked('configuration-refused');
    await write({ ...TEST_DOCUMENT, limits: { associations: 7 } });
    await page.getByRole('button', { name: 'Rehearse' }).click();
    await shows('0 of 0 instances received since');
    await page.getByRole('button', { name: 'Apply…' }).click();
    await page.getByRole('dialog').getByText('limits').waitFor();
    await page.getByLabel('Comment').fill('fewer associations');
    await looked('configuration-apply');
    await page.getByRole('button', { name: 'Apply', exact: true }).click();
    const row = page.getByRole('row', { name: 'fewer associations' });
    await row.getByText('holds').waitFor();
    await row.getByRole('button').first().click();
    await page.getByText('{"associations":7}').first().waitFor();
    await looked('configuration');
    await page.getByRole('button', { name: 'Roll back…' }).first().click();
    await page.getByRole('button', { name: 'Roll back', exact: true }).click();
    await shows('This is revision 3, which holds.');
    assert.doesNotMatch(await page.getByLabel('Gateway document').inputValue(), /limits/);
  });

  test('keeps what was typed when somebody else applies a document, and does not apply over it', async () => {
    await configure(TEST_DOCUMENT);
    await signIn('configuration');
    await shows('which holds');
    await page.getByLabel('Gateway document').fill(JSON.stringify({ ...TEST_DOCUMENT, limits: { associations: 7 } }));
    await configure({ ...TEST_DOCUMENT, limits: { associations: 8 } });
    await shows('holds by now');
    await page.getByRole('button', { name: 'Apply…' }).click();
    await page.getByRole('button', { name: 'Apply', exact: true }).click();
    await shows('Somebody applied another revision since.');
    assert.match(await page.getByLabel('Gateway document').inputValue(), /"associations":7/);
    await looked('configuration-meanwhile');
  });

  test('tells why a study went where it went', async () => {
    await configure(TEST_DOCUMENT);
    const instance = sampleInstance(1, 1);
    await know(receivedFact(instance, 1), routedFact(instance, 1, { to: ['cloud'] }), confirmedFact(sampleDelivery(instance, 'cloud'), 2));
    await signIn();
    await page.locator('.disclose').first().click();
    await page.getByRole('table', { name: 'Deliveries' }).getByText('stow 200').waitFor();
    await page.getByRole('button', { name: 'Why did it go where it went?' }).click();
    await page.getByRole('table', { name: 'Rules tried' }).getByText('applied').first().waitFor();
    await looked('why');
  });

  test('offers a reader nothing to do, and no users', async () => {
    const instance = sampleInstance(1, 1);
    await know(routedFact(instance, 1, { to: ['cloud'] }), failedFact(sampleDelivery(instance, 'cloud'), 2));
    const rights = { role: 'reader', allFacilities: false, facilities: ['north'] } as const;
    await gateway.as('rita', rights);
    await page.goto(`${address}/#failed`);
    await page.getByLabel('User').fill('rita');
    await page.getByLabel('Password').fill(TEST_PASSWORD);
    await page.getByLabel('Password').press('Enter');
    await shows('0122 SOP class not supported');
    for (const name of [/Retry/, /Give up/]) assert.equal(await page.getByRole('button', { name }).count(), 0, String(name));
    for (const name of ['Users', 'Configuration']) assert.equal(await page.getByRole('link', { name }).count(), 0, name);
    await looked('reader');
  });
});
