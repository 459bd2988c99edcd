// `npm run fuzz`: mutated PDU streams against the receiver, mutated data sets against scanner and coercion, as many as asked for, from a seed.
// `--only streams:4711` (or data-sets:4711) runs one input of the seed again, in this process.
import { parseArgs } from 'node:util';
import { fuzzing, KINDS, type Kind } from './fuzz-inputs.ts';
import { isGood, reportLines } from './fuzz-report.ts';
import { fuzz } from './fuzz-run.ts';
import { seedOf } from './random.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    streams: { type: 'string', default: '2000000' },
    'data-sets': { type: 'string', default: '500000' },
    processes: { type: 'string', default: '2' },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed);

if (values.only !== undefined) {
  const [kind, index] = values.only.split(':') as [Kind, string];
  console.log((await fuzzing(kind)(seedOf(seed, Number(index)))).join(', '));
} else {
  for (const kind of KINDS) await runAll(kind, Number(values[kind]));
}

async function runAll(kind: Kind, inputs: number): Promise<void> {
  if (inputs === 0) return;
  let told = performance.now();
  const progressed = (done: number): void => {
    if (performance.now() - told < 30_000) return;
    told = performance.now();
    console.log(`${kind}: ${done} of ${inputs}`);
  };
  const result = await fuzz({ kind, seed, inputs, processes: Number(values.processes), progressed });
  for (const line of reportLines(result)) console.log(line);
  if (!isGood(result)) process.exitCode = 1;
}
