// The line log when the disk refuses in the middle of a line: no half-line stays, and what is appended afterwards can be read.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it, mock } from 'node:test';
import { LineLog } from './line-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'causeway-line-log-'));
const path = join(folder, 'lines.ndjson');
let handles: FileHandle;

before(async () => {
  const file = await open(join(folder, 'any'), 'w');
  handles = Object.getPrototypeOf(file);
  await file.close();
});
after(() => rmSync(folder, { recursive: true }));

/** What a full disk does: half of it is written, then ENOSPC. */
async function writesHalf(this: FileHandle, lines: string): Promise<never> {
  await this.write(lines.slice(0, lines.length / 2));
  throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
}

async function linesOf(log: LineLog): Promise<unknown[]> {
  const lines = [];
  for await (const line of log.read()) lines.push(line);
  return lines;
}

describe('a disk that is full in the middle of a line', () => {
  it('leaves the whole lines only, and takes lines again when there is space', async () => {
    const log = await LineLog.open(path, { durable: true });
    await log.append([{ number: 1 }]);
    mock.method(handles, 'appendFile', writesHalf, { times: 2 });
    await assert.rejects(log.append([{ number: 2 }]), { code: 'ENOSPC' });
    await assert.rejects(log.append([{ number: 3 }]), { code: 'ENOSPC' });
    await log.append([{ number: 4 }]);
    assert.deepEqual(await linesOf(log), [{ number: 1 }, { number: 4 }]);
    await log.close();
    assert.equal(readFileSync(path, 'utf8'), '{"number":1}\n{"number":4}\n');
  });

  it('whose half-line cannot be removed at once either: before the next line it is', async () => {
    const log = await LineLog.open(path, { durable: true });
    mock.method(handles, 'appendFile', writesHalf, { times: 1 });
    mock.method(handles, 'truncate', () => Promise.reject(new Error('EIO')), { times: 1 });
    await assert.rejects(log.append([{ number: 5 }]), { code: 'ENOSPC' });
    assert.equal(await text(log.stream()), '{"number":1}\n{"number":4}\n', 'a reader saw the half-line');
    await log.append([{ number: 6 }]);
    assert.deepEqual(await linesOf(log), [{ number: 1 }, { number: 4 }, { number: 6 }]);
    await log.close();
  });
});
