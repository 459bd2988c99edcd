// Every image of a run carries a mark in what identifies its patient (invariant 10): after all that happened, whatever operators and strangers may read is searched for it.
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CANARY } from '../src/canary-instances.ts';
import type { Cluster } from './cluster.ts';
import type { Finding } from './compare.ts';
import type { SentLine } from './modalities.ts';

const PAGES = ['/metrics', '/health/ready', '/health/live'];
const EXAMPLES = 3;

export interface CanaryPlaces {
  /** What every process said, from its first start to its last. */
  readonly logs: string;
  /** Files of the cluster: their names only, for images and the ledger are among them. */
  readonly data: string;
  /** What an archive took. */
  readonly objects: string;
}

export interface CanaryResult {
  readonly findings: readonly Finding[];
  /** How much of each was searched. */
  readonly searched: Readonly<Record<string, number>>;
}

export async function searchForMark(cluster: Cluster, places: CanaryPlaces, sent: readonly SentLine[]): Promise<CanaryResult> {
  const searches: Record<string, Search> = {
    'lines of logs': await searchLogs(places.logs),
    'lines of metrics and health pages': searchLines(await pagesOf(cluster)),
    'subjects and names of streams and consumers': searchLines(await cluster.nats.names()),
    'names of files': searchLines(readdirSync(places.data, { recursive: true }).map(String)),
    'statuses of senders': searchLines(sent.map(({ status }) => status)),
  };
  const findings = Object.entries(searches).flatMap(([where, { searched, found }]): Finding[] => [
    ...(searched === 0 ? [{ what: `${where}: nothing was there to search for patient data`, count: 1, examples: [] }] : []),
    ...(found.length > 0 ? [{ what: `patient data in ${where}`, count: found.length, examples: found.slice(0, EXAMPLES) }] : []),
  ]);
  const searched = Object.fromEntries(Object.entries(searches).map(([where, search]) => [where, search.searched]));
  return { findings: [...findings, ...(await proofThatItFinds(places.objects))], searched };
}

interface Search {
  readonly searched: number;
  readonly found: readonly string[];
}

const searchLines = (lines: readonly string[]): Search => ({ searched: lines.length, found: lines.filter((line) => CANARY.test(line)) });

async function searchLogs(folder: string): Promise<Search> {
  const found: string[] = [];
  let searched = 0;
  for (const name of readdirSync(folder))
    for await (const line of createInterface({ input: createReadStream(join(folder, name)) })) {
      searched += 1;
      if (CANARY.test(line)) found.push(`${name}: ${line}`);
    }
  return { searched, found };
}

async function pagesOf({ services }: Cluster): Promise<string[]> {
  const urls = [...services.all.keys()].flatMap((name) => PAGES.map((page) => `${services.opsUrl(name)}${page}`));
  const texts = await Promise.all(urls.map(async (url) => (await fetch(url, { signal: AbortSignal.timeout(10_000) })).text()));
  return texts.flatMap((text) => text.split('\n'));
}

/** A mark that did not go through proves nothing. */
function proofThatItFinds(objects: string): Finding[] {
  const arrived = readdirSync(objects, { recursive: true, withFileTypes: true }).find((entry) => entry.isFile());
  const hasMark = arrived !== undefined && CANARY.test(readFileSync(join(arrived.parentPath, arrived.name), 'latin1'));
  return hasMark ? [] : [{ what: 'no marked image arrived, and so nothing is proven about patient data', count: 1, examples: [] }];
}
