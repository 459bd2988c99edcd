// What `helm test` runs: its script says the truth about the console's answer.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { type Chart, openChart, valuesOf } from './chart.ts';
import { podsOf } from './workloads.ts';

const CONSOLE = 'http://causeway-console:8080';
const command = z.looseObject({
  command: z.tuple([z.literal('node'), z.literal('--input-type=module'), z.literal('--eval')]),
  args: z.tuple([z.string()]),
});

let chart: Chart;
before(async () => {
  chart = await openChart();
});
after(() => chart?.remove());

const testPod = (set: 'ha' | 'everything') =>
  podsOf(chart.manifests({ values: [valuesOf(set)] })).find(({ restartPolicy }) => restartPolicy === 'Never')!;

/** Exit code and output of the script of the pod, where the console gives this answer. */
async function run(status: number, answer: object): Promise<{ code: unknown; said: string }> {
  const server = createServer((_, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer)),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = z.object({ port: z.number() }).loose().parse(server.address());
  const { args } = command.parse(testPod('ha').containers[0]);
  assert.ok(args[0].includes(`${CONSOLE}/health/ready`));
  const child = spawn(process.execPath, ['--input-type=module', '--eval', args[0].replace(CONSOLE, `http://127.0.0.1:${address.port}`)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  server.close();
  return { code, said };
}

describe('helm test', () => {
  test('passes when every service is ready, and lists them', async () => {
    const { code, said } = await run(200, { ready: true, services: { receiver: { ready: true, revision: 1 }, ledger: { ready: true } } });
    assert.deepEqual([code, said], [0, 'ready receiver\nready ledger\n']);
  });

  test('fails when one is not, with its reasons', async () => {
    const { code, said } = await run(503, {
      ready: false,
      services: { receiver: { ready: true }, ledger: { ready: false, reasons: ['database: no answer'] } },
    });
    assert.deepEqual([code, said], [1, 'ready receiver\nNOT READY ledger database: no answer\n']);
  });

  test('runs the doctor only with a token, towards addresses that are there', () => {
    assert.deepEqual(
      testPod('ha').containers.map(({ name }) => name),
      ['ready'],
    );
    const doctor = testPod('everything').containers[1]!;
    assert.deepEqual(doctor.args, ['causeway', 'doctor', '--url', CONSOLE, '--dicom-host', 'causeway-receiver']);
    assert.deepEqual(doctor.env, [{ name: 'CAUSEWAY_TOKEN', valueFrom: { secretKeyRef: { name: 'causeway-doctor', key: 'token' } } }]);
  });
});
