// The trace SDK as the environment sets it: in a process of its own, for it is global.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { it } from 'node:test';
import { promisify } from 'node:util';

const PROGRAM = `
  const { startTelemetry } = await import('./telemetry.ts');
  const { SpanKind, startSpan } = await import('./spans.ts');
  const { newReceiptId } = await import('./brands.ts');
  const { trace } = await import('@opentelemetry/api');
  await startTelemetry('test', 'http://127.0.0.1:9');
  const sampled = (id, isFirst) => {
    const span = startSpan({ name: 'x', kind: SpanKind.INTERNAL, attributes: {}, of: { id, isFirst } });
    return span.run(() => trace.getActiveSpan().spanContext().traceFlags);
  };
  const ids = Array.from({ length: 2000 }, () => newReceiptId());
  const first = ids.map((id) => sampled(id, true));
  const again = ids.map((id) => sampled(id, false));
  console.log(JSON.stringify({ share: first.reduce((a, b) => a + b) / ids.length, differ: first.filter((flag, at) => flag !== again[at]).length }));
  process.exit();
`;

async function sampledWith(env: NodeJS.ProcessEnv): Promise<{ share: number; differ: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    cwd: import.meta.dirname,
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout) as { share: number; differ: number };
}

it('samples as OTEL_TRACES_SAMPLER says, and decides the same for work that comes back', async () => {
  assert.deepEqual(await sampledWith({}), { share: 1, differ: 0 });
  assert.deepEqual(await sampledWith({ OTEL_TRACES_SAMPLER: 'always_off' }), { share: 0, differ: 0 });
  const { share, differ } = await sampledWith({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.3' });
  assert.equal(differ, 0);
  assert.ok(share > 0.25 && share < 0.35, `${share}`);
});
