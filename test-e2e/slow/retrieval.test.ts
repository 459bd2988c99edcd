// Studies from Orthanc through the retriever to storescp: whole and byte for byte although a process is killed in the middle; then again, from the cache.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { type ConsoleClient, signIn } from '../src/console-client.ts';
import { type CountingProxy, startCountingProxy } from '../src/counting-proxy.ts';
import { type GatewayUnderTest, startGateway } from '../src/gateway-under-test.ts';
import { filesBelow, startOrthanc, startStorescp, storescu } from '../src/peers-under-test.ts';
import { makeSyntheticFiles } from '../src/synthetic-files.ts';
import { until } from '../src/wait-for-fact.ts';

const INSTANCES = 300;
const IMAGE = { rows: 128, columns: 128 };
const KILL_AFTER = 100;
/** Half of the pixels of a study: the kill comes while the archive's answer is under way. */
const HALF_BYTES = (INSTANCES * IMAGE.rows * IMAGE.columns * 2) / 2;
/** The acknowledgement wait (15 s) and retries after it. */
const WITHIN_MS = 120_000;

/** A retrieval as the API shows it. */
interface Retrieval {
  readonly id: string;
  readonly state: string;
  readonly instances: number;
  readonly fetched: number;
  readonly fromCache: number;
}

describe('retrieval', () => {
  let scratch: string;
  let gateway: GatewayUnderTest;
  let orthanc: Awaited<ReturnType<typeof startOrthanc>>;
  let pacs: Awaited<ReturnType<typeof startStorescp>>;
  let proxy: CountingProxy;
  let client: ConsoleClient;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-retrieval-'));
    orthanc = await startOrthanc(scratch);
    pacs = await startStorescp(scratch);
    proxy = await startCountingProxy(orthanc.dicomWebUrl);
    gateway = await startGateway({
      config: {
        facilities: [{ id: 'main', match: [{}], destinations: ['pacs'] }],
        destinations: [
          {
            id: 'pacs',
            kind: 'dimse',
            host: '127.0.0.1',
            port: pacs.port,
            calledAe: 'PACS',
            images: 'as-received',
            retry: { first: '1s' },
          },
        ],
        retrieval: { sources: [{ id: 'archive', url: proxy.url, destinations: ['pacs'] }] },
      },
    });
    client = await signIn(gateway.pageUrl, gateway.firstPassword());
  });

  after(async () => {
    await gateway?.stop();
    await proxy?.close();
    for (const peer of [orthanc, pacs]) await peer?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  for (const victim of ['retriever', 'uploader'] as const) {
    it(`completes a study of ${INSTANCES} although the ${victim} is killed in the middle, then gives it again from the cache`, async () => {
      const study = await loadStudy();
      const known = await filesOfPacs();
      const first = await retrieveWithKill(study, victim);
      const arrived = await newArrivals(known);
      compare(arrived, await fromOrthanc(study));
      const repeats = arrived.length - INSTANCES;
      console.log(`killed ${victim} after ${first.killedAfter} of ${INSTANCES}: ${told(first)}; ${repeats} repeats`);
      // Deliveries have the same ids when a retrieval is taken up again; the uploader's own kill repeats what it had in hand, 32 for each of 4 associations.
      assert.ok(repeats <= (victim === 'uploader' ? 4 * 32 : 0), `${repeats} repeats`);
      if (victim === 'retriever') assert.ok(first.asked.instances < INSTANCES, 'what was in the cache was not fetched again');

      const again = await retrieveAgain(study);
      console.log(`again: ${told(again)}`);
      assert.deepEqual(again.asked, { searches: 0, studies: 0, instances: 0 });
      assert.deepEqual(pick(again.retrieval), { instances: INSTANCES, fetched: 0, fromCache: INSTANCES });
    });
  }

  async function loadStudy(): Promise<string> {
    const seed = Math.floor(Date.now() % 1_000_000_000);
    const files = await makeSyntheticFiles(join(scratch, `study-${seed}`), { studies: 1, instances: INSTANCES, seed, ...IMAGE });
    const sent = await storescu(
      orthanc.dicomPort,
      { called: 'ORTHANC' },
      files.map(({ path }) => path),
    );
    assert.ok(sent.ok, sent.output);
    return files[0]!.studyInstanceUid;
  }

  async function retrieveWithKill(study: string, victim: 'retriever' | 'uploader') {
    const known = (await filesOfPacs()).size;
    const before = { ...proxy.counts };
    if (victim === 'retriever') proxy.holdNextStudy(HALF_BYTES);
    const startedAt = performance.now();
    const id = await ask(study);
    const killedAfter = await until(`${KILL_AFTER} instances at storescp`, async () => {
      const count = (await filesOfPacs()).size - known;
      return count >= KILL_AFTER && count;
    });
    await gateway.killService(victim);
    proxy.release();
    assert.ok(killedAfter < INSTANCES, `the kill came after ${killedAfter}: not in the middle`);
    return { ...(await untilThrough(id)), killedAfter, asked: since(before), seconds: seconds(startedAt) };
  }

  async function retrieveAgain(study: string) {
    const known = await filesOfPacs();
    const before = { ...proxy.counts };
    const startedAt = performance.now();
    const through = await untilThrough(await ask(study));
    const arrived = await newArrivals(known);
    compare(arrived, await fromOrthanc(study));
    assert.equal(arrived.length, INSTANCES);
    return { ...through, asked: since(before), seconds: seconds(startedAt) };
  }

  async function ask(study: string): Promise<string> {
    const { status, body } = await client.send<{ id: string }>('POST', '/api/retrievals', {
      source: 'archive',
      studyInstanceUid: study,
      destinations: ['pacs'],
    });
    assert.equal(status, 202);
    return body.id;
  }

  /** The study was handed on whole, nothing waits for storescp any more, and the ledger knows it. */
  function untilThrough(id: string): Promise<{ retrieval: Retrieval }> {
    return until(
      `retrieval ${id} done and delivered`,
      async () => {
        const retrieval = await client.get<Retrieval>(`/api/retrievals/${id}`);
        const { destinations } = await client.get<{ destinations: { queued: number; open: number }[] }>('/api/destinations');
        const quiet = destinations.every(({ queued, open }) => queued === 0 && open === 0);
        return retrieval.state === 'done' && quiet && { retrieval };
      },
      WITHIN_MS,
    );
  }

  const since = (before: CountingProxy['counts']) => ({
    searches: proxy.counts.searches - before.searches,
    studies: proxy.counts.studies - before.studies,
    instances: proxy.counts.instances - before.instances,
  });

  const filesOfPacs = async (): Promise<Set<string>> => new Set(await readdir(pacs.output));

  /** UID and digest of the data set of each file that was not there before. */
  async function newArrivals(known: Set<string>): Promise<string[]> {
    const files = [...(await filesBelow(pacs.output))].filter(([path]) => !known.has(path.slice(pacs.output.length + 1)));
    return files.map(([, bytes]) => identityOf(bytes));
  }

  async function fromOrthanc(study: string): Promise<string[]> {
    const query = { Level: 'Instance', Query: { StudyInstanceUID: study } };
    const ids = (await (await fetch(`${orthanc.url}/tools/find`, { method: 'POST', body: JSON.stringify(query) })).json()) as string[];
    const identities: string[] = [];
    for (const id of ids)
      identities.push(identityOf(Buffer.from(await (await fetch(`${orthanc.url}/instances/${id}/file`)).arrayBuffer())));
    return identities;
  }
});

function compare(arrived: readonly string[], served: readonly string[]): void {
  assert.equal(served.length, INSTANCES);
  assert.deepEqual([...new Set(arrived)].sort(), served.toSorted(), 'storescp has each data set as Orthanc serves it, and nothing else');
}

function identityOf(file: Buffer): string {
  const { meta, dataSetOffset } = parseFileMeta(file)!;
  return `${meta.sopInstanceUid} ${meta.transferSyntaxUid} ${createHash('sha256').update(file.subarray(dataSetOffset)).digest('hex')}`;
}

interface Figures {
  readonly retrieval: Retrieval;
  readonly asked: CountingProxy['counts'];
  readonly seconds: number;
}

const pick = ({ instances, fetched, fromCache }: Retrieval) => ({ instances, fetched, fromCache });

const told = ({ retrieval, asked, seconds }: Figures): string =>
  `${JSON.stringify(pick(retrieval))}, asked of the archive ${JSON.stringify(asked)}, ${seconds} s`;

const seconds = (since: number): number => Math.round((performance.now() - since) / 100) / 10;
