// The hub: one facility receives for many sites. What belongs to a site goes there as well; what belongs to none is shown, and an operator assigns it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { arrivalsAt, untilArrived } from './arrivals.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { filesBelow, startStorescp } from './peers-under-test.ts';
import { runSend } from './run-send.ts';
import { makeSyntheticFiles, type SyntheticFile } from './synthetic-files.ts';
import { until } from './wait-for-fact.ts';

type Pacs = Awaited<ReturnType<typeof startStorescp>>;

interface Delivery {
  readonly sopInstanceUid: string;
  readonly destination: string;
  readonly facility: string;
  readonly rule: string;
  readonly configurationRevision: number;
}

interface Explained {
  readonly rules: { rule: string; applied: boolean; because: string }[];
  readonly deliveries: { destination: string; state: string }[];
  readonly notes: string[];
}

interface DryRun {
  readonly changed: number;
  readonly unknown: number;
  readonly groups: { before: { facilities: string[] }; after: { facilities: string[] } }[];
}

interface Waiting {
  readonly institutionName: string;
  readonly held: { reason: string; detail: string; facility: string };
  readonly receiptIds: string[];
}

describe('a hub', () => {
  let scratch: string;
  let ms44: Pacs;
  let region: Pacs;
  let gateway: GatewayUnderTest;
  let client: ConsoleClient;
  let seed = 4400;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-hub-'));
    ms44 = await startStorescp(join(scratch, 'ms44'));
    region = await startStorescp(join(scratch, 'region'));
    const sandboxPort = await freePort();
    gateway = await startGateway({
      config: hubDocument({ sandboxPort, ms44: ms44.port, region: region.port }),
      env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort) },
    });
    client = await signIn(gateway.pageUrl, gateway.firstPassword());
  });
  after(async () => {
    await gateway?.stop();
    await ms44?.stop();
    await region?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  /** Sends one study of two instances with this Institution Name to the hub. */
  async function sendStudy(institution: string): Promise<SyntheticFile[]> {
    const files = await makeSyntheticFiles(scratch, { studies: 1, instances: 2, seed: ++seed, rows: 64, columns: 64, institution });
    await send(files);
    return files;
  }

  async function send(files: readonly SyntheticFile[]): Promise<void> {
    // Not DCMTK: it writes a padded value anew, and the bytes shall be compared.
    const { code, output } = await runSend(['--port', gateway.ports.dicom, ...files.map(({ path }) => path)]).ended;
    assert.equal(code, 0, output);
  }

  const deliveriesOf = (files: readonly SyntheticFile[], count: number): Promise<Delivery[]> =>
    until(`${count} confirmed deliveries of study ${files[0]!.studyInstanceUid}`, async () => {
      const { deliveries } = await client.get<{ deliveries: Delivery[] }>(
        `/api/deliveries?state=confirmed&study=${files[0]!.studyInstanceUid}&limit=500`,
      );
      return deliveries.length === count && deliveries;
    });

  const heldOf = (institution: string): Promise<Waiting> =>
    until(`held work of ${institution}`, async () => {
      const { waiting } = await client.get<{ waiting: Waiting[] }>('/api/held');
      return waiting.find(({ institutionName, receiptIds }) => institutionName === institution && receiptIds.length === 2);
    });

  const atHub = (files: readonly SyntheticFile[]) =>
    untilArrived(
      gateway.sandboxUrl,
      files.map(({ sopInstanceUid }) => sopInstanceUid),
    );

  it('sends a study to its own archive and to every endpoint whose rule fits, each delivery with its rule and revision', async () => {
    const files = await sendStudy('MS44');
    await Promise.all([atHub(files), untilAt(ms44, files), untilAt(region, files)]);
    const deliveries = await deliveriesOf(files, 6);
    const rules = new Map(deliveries.map(({ destination, facility, rule }) => [destination, `${facility} | ${rule}`]));
    console.log(Object.fromEntries(rules));
    assert.deepEqual([...rules.keys()].sort(), ['cloud', 'ms44-pacs', 'region-pacs']);
    assert.match(rules.get('cloud')!, /^hub \| hub: .*GATEWAY/);
    assert.equal(rules.get('ms44-pacs'), 'ms44 | ms44: at hub hub, InstitutionName exact "MS44"');
    assert.equal(rules.get('region-pacs'), 'region | region: at hub hub, InstitutionName wildcard "MS4*"');
    assert.deepEqual([...new Set(deliveries.map(({ configurationRevision }) => configurationRevision))], [1]);
  });

  it('compares the Institution Name without its trailing space', async () => {
    const files = await sendStudy('MS44 ');
    await Promise.all([atHub(files), untilAt(ms44, files), untilAt(region, files)]);
  });

  it('sends to the endpoint with the wildcard alone what only that one fits', async () => {
    const files = await sendStudy('MS45');
    await Promise.all([atHub(files), untilAt(region, files)]);
    const deliveries = await deliveriesOf(files, 4);
    assert.deepEqual([...new Set(deliveries.map(({ destination }) => destination))].sort(), ['cloud', 'region-pacs']);
  });

  it('an instance without the tag follows its study', async () => {
    const options = { studies: 1, instances: 2, seed: ++seed, rows: 64, columns: 64 };
    const [tagged] = await makeSyntheticFiles(join(scratch, 'tagged'), { ...options, institution: 'MS44' });
    const [, untagged] = await makeSyntheticFiles(join(scratch, 'untagged'), { ...options, institution: '' });
    assert.equal(tagged!.studyInstanceUid, untagged!.studyInstanceUid);
    await send([tagged!]);
    await untilAt(ms44, [tagged!]);
    await send([untagged!]);
    await Promise.all([atHub([untagged!]), untilAt(ms44, [untagged!]), untilAt(region, [untagged!])]);
    const deliveries = await deliveriesOf([untagged!], 6);
    const { rule } = deliveries.find(
      ({ destination, sopInstanceUid }) => destination === 'ms44-pacs' && sopInstanceUid === untagged!.sopInstanceUid,
    )!;
    assert.match(rule, /follows its study/);
  });

  it('keeps its own copy of a study that fits no endpoint, shows it as unassigned with the reason, and an operator assigns it', async () => {
    const files = await sendStudy('MS99');
    await atHub(files);
    const { held, receiptIds } = await heldOf('MS99');
    assert.deepEqual([held.reason, held.facility], ['unmatched', 'hub']);
    assert.match(held.detail, /no endpoint rule of hub hub matches the value of InstitutionName/);
    assert.deepEqual(await notAt(ms44, files), files.length);
    const { status, body } = await client.send('POST', '/api/held/assign', { receiptIds, facilities: ['ms44'] });
    assert.equal(status, 200, JSON.stringify(body));
    await untilAt(ms44, files);
    const deliveries = await deliveriesOf(files, 4);
    assert.equal(deliveries.find(({ destination }) => destination === 'ms44-pacs')!.rule, 'ms44: assigned by admin');
    const arrivals = await arrivalsAt(gateway.sandboxUrl);
    for (const { sopInstanceUid } of files)
      assert.equal(arrivals.filter((one) => one.sopInstanceUid === sopInstanceUid).length, 1, 'the hub got a second copy');
    await until('nothing of MS99 waits any more', async () => {
      const { waiting } = await client.get<{ waiting: Waiting[] }>('/api/held');
      return !waiting.some(({ institutionName }) => institutionName === 'MS99');
    });
  });

  it('a rule that is added later releases what was held', async () => {
    const files = await sendStudy('MS77');
    await Promise.all([atHub(files), heldOf('MS77')]);
    const { document } = await client.get<{ document: ReturnType<typeof hubDocument> }>('/api/configuration');
    const changed = structuredClone(document);
    changed.facilities.find(({ id }) => id === 'ms44')!.rules!.push({ hub: 'hub', match: 'exact', value: 'MS77' });
    const { status, body } = await client.send<{ revision: number }>('PUT', '/api/configuration', { document: changed });
    assert.equal(status, 200, JSON.stringify(body));
    await untilAt(ms44, files);
    const deliveries = await deliveriesOf(files, 4);
    const { rule, configurationRevision } = deliveries.find(({ destination }) => destination === 'ms44-pacs')!;
    assert.deepEqual([rule, configurationRevision], ['ms44: at hub hub, InstitutionName exact "MS77"', 2]);
  });

  it('tells by the rules why each instance went where it went, and exactly what another document would change', async () => {
    const options = { studies: 1, instances: 2, seed: ++seed, rows: 64, columns: 64 };
    const [tagged] = await makeSyntheticFiles(join(scratch, 'asked'), { ...options, institution: 'MS44' });
    const [, untagged] = await makeSyntheticFiles(join(scratch, 'asked-too'), { ...options, institution: '' });
    await send([tagged!]);
    await deliveriesOf([tagged!], 3);
    await send([untagged!]);
    await deliveriesOf([tagged!], 6);
    const { instances } = await client.get<{ instances: Explained[] }>(`/api/explain?study=${tagged!.studyInstanceUid}`);
    assert.deepEqual(
      instances.map(({ notes, deliveries }) => [notes, deliveries.map(({ state }) => state)]),
      Array.from({ length: 2 }, () => [[], ['confirmed', 'confirmed', 'confirmed']]),
    );
    assert.ok(instances[0]!.rules.some(({ applied, because }) => applied && because === 'the value is "MS44"'));
    assert.ok(instances[1]!.rules.some(({ applied, rule }) => applied && /^ms44: .* follows its study/.test(rule)));

    const { document } = await client.get<{ document: ReturnType<typeof hubDocument> }>('/api/configuration');
    const draft = structuredClone(document);
    draft.facilities.find(({ id }) => id === 'ms44')!.rules = [];
    const { body } = await client.send<DryRun>('POST', '/api/configuration/dry-run', { document: draft });
    const { deliveries } = await client.get<{ deliveries: Delivery[] }>('/api/deliveries?state=confirmed&destination=ms44-pacs&limit=500');
    const byRule = deliveries.filter(({ rule }) => !rule.includes('assigned by'));
    assert.deepEqual([body.changed, body.unknown], [byRule.length, 0]);
    for (const { before: was, after: willBe } of body.groups)
      assert.deepEqual([was.facilities.includes('ms44'), willBe.facilities.includes('ms44')], [true, false]);
  });
});

interface Rule {
  readonly hub: string;
  readonly match: string;
  readonly value: string;
}

function hubDocument(ports: { sandboxPort: number; ms44: number; region: number }) {
  const pacs = (id: string, port: number) => ({ id, kind: 'dimse', host: '127.0.0.1', port, calledAe: 'PACS', images: 'as-received' });
  const endpoint = (id: string, rule: Omit<Rule, 'hub'>) => ({
    ...{ id, model: 'endpoint', match: [{ calledAe: id.toUpperCase() }], destinations: [`${id}-pacs`] },
    rules: [{ hub: 'hub', ...rule }] as Rule[] | undefined,
  });
  return {
    facilities: [
      {
        ...{ id: 'hub', name: 'Regional hub', model: 'hub', match: [{ calledAe: 'GATEWAY' }], destinations: ['cloud'] },
        ...{ mappingTag: 'InstitutionName', unmatched: 'hold', rules: undefined },
      },
      endpoint('ms44', { match: 'exact', value: 'MS44' }),
      endpoint('region', { match: 'wildcard', value: 'MS4*' }),
    ],
    destinations: [
      { id: 'cloud', kind: 'stow', url: `http://127.0.0.1:${ports.sandboxPort}/dicom-web`, images: 'as-received' },
      pacs('ms44-pacs', ports.ms44),
      pacs('region-pacs', ports.region),
    ],
  };
}

/** The data sets that a PACS holds now, by SOP Instance UID. A file that is being written does not count. */
async function held(pacs: Pacs): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const bytes of (await filesBelow(pacs.output)).values()) {
    const parsed = bytes.length === 0 ? undefined : parseFileMeta(bytes);
    if (parsed !== undefined) found.set(parsed.meta.sopInstanceUid, bytes.subarray(parsed.dataSetOffset));
  }
  return found;
}

/** Waits until each is there, byte for byte. */
async function untilAt(pacs: Pacs, files: readonly SyntheticFile[]): Promise<void> {
  const digest = async (): Promise<string[]> => {
    const there = await held(pacs);
    return files.flatMap(({ sopInstanceUid }) => (there.has(sopInstanceUid) ? [sha256(there.get(sopInstanceUid)!)] : []));
  };
  const wanted = files.map((file) => file.digest);
  await until('every data set at the PACS, unchanged', async () => (await digest()).join() === wanted.join());
}

async function notAt(pacs: Pacs, files: readonly SyntheticFile[]): Promise<number> {
  const there = await held(pacs);
  return files.filter(({ sopInstanceUid }) => !there.has(sopInstanceUid)).length;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
