// Each source has one consumer, follows the document, and is answered for even after it left.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { documentWith, memoryBus, SILENT } from './retriever-for-tests.ts';
import { SourceRoster } from './source-roster.ts';

async function rosterWith(options: { failing?: Set<string>; bus?: ReturnType<typeof memoryBus> } = {}) {
  const steps: string[] = [];
  const later: (() => void)[] = [];
  const roster = new SourceRoster({
    serve: async (id, settings) => {
      if (options.failing?.has(id)) throw new Error('certificate cannot be read');
      steps.push(`${id} ${settings === undefined ? 'without settings' : settings.url}`);
      return { stop: async () => void steps.push(`${id} stopped`) };
    },
    memory: await (options.bus ?? memoryBus()).bucket('retriever'),
    log: SILENT,
    after: (_, call) => void later.push(call),
  });
  let revision = 0;
  const apply = (urls: Record<string, string>) => roster.apply({ revision: ++revision, document: documentWith(urls) });
  return { roster, steps, later, apply };
}

describe('SourceRoster', () => {
  it('serves what is new, restarts what changed, and touches nothing else', async () => {
    const { steps, apply, roster } = await rosterWith();
    await apply({ one: 'http://one', two: 'http://two' });
    await apply({ one: 'http://one', two: 'http://other' });
    assert.deepEqual(steps, ['one http://one', 'two http://two', 'two stopped', 'two http://other']);
    await roster.stop();
    assert.deepEqual(steps.slice(4).sort(), ['one stopped', 'two stopped']);
  });

  it('goes on answering for a source that left the document, also after a restart', async () => {
    const bus = memoryBus();
    const first = await rosterWith({ bus });
    await first.apply({ one: 'http://one' });
    await first.apply({});
    assert.deepEqual(first.steps, ['one http://one', 'one stopped', 'one without settings']);
    const second = await rosterWith({ bus });
    await second.apply({});
    assert.deepEqual(second.steps, ['one without settings']);
  });

  it('tries a source that cannot be served again, while the others are served', async () => {
    const failing = new Set(['one']);
    const { steps, later, apply, roster } = await rosterWith({ failing });
    await apply({ one: 'http://one', two: 'http://two' });
    assert.deepEqual(steps, ['two http://two']);
    failing.clear();
    for (const call of later) call();
    await apply({ one: 'http://one', two: 'http://two' });
    assert.deepEqual(steps, ['two http://two', 'one http://one']);
    await roster.stop();
  });
});
