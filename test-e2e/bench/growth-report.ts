// The tables of the parts about growth: for an instance, by service.
import type { FootprintRow } from './footprint.ts';
import type { GrowthRow } from './growth.ts';
import { sumOf } from './growth.ts';
import { table } from './report.ts';

/** A machine of which so much is at work has nothing left. */
const EXHAUSTED = 0.9;
/** What is asked less often has nothing to do with instances. */
const RARE = 0.005;
/** What does nothing may have used a tick less than it does at rest. */
const inMs = (cost = 0): string => Math.max(0, cost).toFixed(1);

export function growthTable(rows: GrowthRow[]): string {
  const names = Object.keys(rows[0]!.perInstance).filter((name) =>
    rows.some(({ perInstance, atRest }) => perInstance[name] || atRest[name]),
  );
  const line = (title: string, cell: (row: GrowthRow) => string): string[] => [title, ...rows.map(cell)];
  return table(
    ['replicas of each service', ...rows.map(({ replicas }) => String(replicas))],
    [
      line('instances a second', ({ rate }) => rate.toFixed(0)),
      ...names.map((name) => line(`${name}, ms an instance`, ({ perInstance }) => inMs(perInstance[name]))),
      line('together, ms an instance', ({ perInstance }) => inMs(sumOf(perInstance))),
      line('at rest, ms a second', ({ atRest }) => sumOf(atRest).toFixed(0)),
      line('of the machine at work', ({ busy }) => `${(busy * 100).toFixed(0)} %`),
    ],
  );
}

export function growthLine(rows: GrowthRow[], cores: number): string {
  const [first, last] = [rows[0]!, rows.at(-1)!];
  const cost = sumOf(last.perInstance) / sumOf(first.perInstance);
  const limit =
    last.busy >= EXHAUSTED
      ? `the ${cores} processors of this machine limit (sender and archive use them too): more replicas cannot bring more here, they bring it on more machines as long as an instance costs the same`
      : 'the processors are not used up: disk, store, broker or database limit';
  return `from ${first.replicas} to ${last.replicas} replicas: ${(last.rate / first.rate).toFixed(2)}x the instances a second, ${cost.toFixed(2)}x the processor time for each; ${limit}`;
}

export function footprintTable(rows: FootprintRow[]): string {
  const line = (title: string, cell: (row: FootprintRow) => string): string[] => [title, ...rows.map(cell)];
  const namesOf = (of: (row: FootprintRow) => Readonly<Record<string, number>>): string[] => [
    ...new Set(rows.flatMap((row) => Object.keys(of(row)))),
  ];
  const kinds = namesOf(({ s3Requests }) => s3Requests).filter((kind) => rows.some(({ s3Requests }) => (s3Requests[kind] ?? 0) > RARE));
  return table(
    ['an instance, compression', ...rows.map(({ compression }) => compression)],
    [
      ...namesOf(({ perInstance }) => perInstance).map((name) => line(`${name}, ms`, ({ perInstance }) => inMs(perInstance[name]))),
      line('together, ms', ({ perInstance }) => inMs(sumOf(perInstance))),
      line('at rest, ms a second', ({ atRest }) => sumOf(atRest).toFixed(0)),
      ...kinds.map((kind) => line(`S3 ${kind}`, ({ s3Requests }) => (s3Requests[kind] ?? 0).toFixed(2))),
      ...namesOf(({ messageBytes }) => messageBytes).map((name) =>
        line(`waiting in ${name}, bytes`, ({ messageBytes }) => messageBytes[name]!.toFixed(0)),
      ),
      line('facts', ({ facts }) => facts.toFixed(1)),
      line('facts, bytes', ({ factBytes }) => factBytes.toFixed(0)),
      line('write-ahead log, bytes', ({ walBytes }) => walBytes.toFixed(0)),
    ],
  );
}
