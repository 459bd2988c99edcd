// A line of the log has what it was told, whatever was logged before it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LogOutput } from './log-output.ts';
import { createLogger } from './logger.ts';

describe('a log line', () => {
  const lines: Record<string, unknown>[] = [];
  const output = new LogOutput((bytes, from) => {
    lines.push(JSON.parse(bytes.subarray(from).toString('utf8')));
    return bytes.length - from;
  });

  it('has what it was told, and nothing of the lines before it', () => {
    const log = createLogger('ledger', 'info', output);
    log.warn({ consumer: 'facts', reason: 'leadership change' }, 'pull failed');
    log.info({ facts: 3 }, 'told again');
    log.info('started');
    const [first, second, third] = lines.map(({ level, time, ...rest }) => rest);
    const always = { service: 'ledger', name: 'ledger' };
    assert.deepEqual(first, { ...always, consumer: 'facts', reason: 'leadership change', message: 'pull failed' });
    assert.deepEqual(second, { ...always, facts: 3, message: 'told again' });
    assert.deepEqual(third, { ...always, message: 'started' });
  });
});
