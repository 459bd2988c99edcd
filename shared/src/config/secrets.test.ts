// Secrets: read at the moment of use; an error names the reference and never a value.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { TransientError } from '../errors.ts';
import { resolveSecret } from './secrets.ts';

describe('secrets', () => {
  it('reads a variable of the environment', async () => assert.equal(await resolveSecret('env:TOKEN', { TOKEN: 't0p' }), 't0p'));

  it('reads a file without its last line break, each time anew', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'causeway-secret-'));
    const file = join(folder, 'token');
    await writeFile(file, 'one\n');
    assert.equal(await resolveSecret(`file:${file}`, {}), 'one');
    await writeFile(file, 'two\r\n');
    assert.equal(await resolveSecret(`file:${file}`, {}), 'two');
    await rm(folder, { recursive: true });
  });

  it('names the variable that is not set', async () => {
    await assert.rejects(
      resolveSecret('env:TOKEN', {}),
      (error) => error instanceof TransientError && /env:TOKEN is not set/.test(error.message),
    );
  });

  it('names the file that is not there', async () => {
    await assert.rejects(resolveSecret('file:/nowhere/token', {}), /file:\/nowhere\/token cannot be read \(ENOENT\)/);
  });

  it('does not repeat what is no reference: it may be the secret', async () => {
    await assert.rejects(resolveSecret('hunter2', {}), (error) => !(error as Error).message.includes('hunter2'));
  });
});
