// A file written past the page cache and through it holds what was written, whatever its length.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { BLOCK_BYTES } from './block-pool.ts';
import { IncomingFile } from './incoming-file.ts';
import { SharedMemory } from './shared-memory.ts';

const LENGTHS = [0, 1, 511, 4095, 4096, 4097, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES, 3 * BLOCK_BYTES + 4097];

describe('incoming file', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'causeway-incoming-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Blocks of `length` bytes in all; `memory` begins at a page, as O_DIRECT asks for, or not. */
  function blocksOf(length: number, memory: Buffer): Buffer[] {
    for (let at = 0; at < length; at++) memory[at] = (at * 7 + (at >> 8)) & 0xff;
    const blocks: Buffer[] = [];
    for (let at = 0; at < length; at += BLOCK_BYTES) blocks.push(memory.subarray(at, Math.min(length, at + BLOCK_BYTES)));
    return blocks;
  }

  const kinds = [
    { name: 'memory that begins at a page', memory: () => new SharedMemory(16 * BLOCK_BYTES).allocate(4 * BLOCK_BYTES) },
    // O_DIRECT refuses it (EINVAL), as some file systems refuse O_DIRECT altogether.
    { name: 'memory that O_DIRECT refuses', memory: () => Buffer.allocUnsafeSlow(4 * BLOCK_BYTES + 1).subarray(1) },
  ];
  for (const { name, memory } of kinds) {
    it(`holds exactly what was written, of every length, from ${name}`, () => {
      for (const length of LENGTHS) {
        const file = new IncomingFile(join(folder, `${name}-${length}`));
        const blocks = blocksOf(length, memory());
        file.write(blocks, 0);
        file.sync();
        file.close();
        assert.equal(statSync(file.path).size, length, `${length} bytes`);
        assert.ok(readFileSync(file.path).equals(Buffer.concat(blocks)), `${length} bytes`);
      }
    });
  }

  it('takes blocks in any order, and patches over what was written past the cache', () => {
    const memory = new SharedMemory(16 * BLOCK_BYTES).allocate(4 * BLOCK_BYTES);
    const blocks = blocksOf(2 * BLOCK_BYTES + 77, memory);
    const file = new IncomingFile(join(folder, 'order'));
    file.write(blocks.slice(1), BLOCK_BYTES);
    file.write(blocks.slice(0, 1), 0);
    file.patch(Buffer.from('patched'), 10);
    file.sync();
    file.close();
    const expected = Buffer.concat(blocks);
    expected.write('patched', 10);
    assert.ok(readFileSync(file.path).equals(expected));
  });

  it('loses no descriptor, and leaves no file, when there are too few of them for one', () => {
    const program = `
      import { closeSync, openSync, readdirSync } from 'node:fs';
      import { IncomingFile } from ${JSON.stringify(new URL('./incoming-file.ts', import.meta.url).href)};
      const opened = [];
      try { for (;;) opened.push(openSync('/dev/null')); } catch {}
      closeSync(opened.pop());
      const codes = [];
      for (const name of ['a', 'b']) try { new IncomingFile(process.argv[1] + '/' + name); } catch ({ code }) { codes.push(code); }
      closeSync(opened.pop());
      const left = readdirSync(process.argv[1]);
      while (opened.length > 0) closeSync(opened.pop());
      console.log(JSON.stringify([codes, left]));`;
    const few = mkdtempSync(join(folder, 'few-'));
    const node = ['--input-type=module', '-e', program, few];
    const said = execFileSync('sh', ['-c', 'ulimit -n 200 && exec "$0" "$@"', process.execPath, ...node], { encoding: 'utf8' });
    assert.deepEqual(JSON.parse(said), [['EMFILE', 'EMFILE'], []]);
  });
});
