// Where tokens are kept: by address, for their owner alone.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Refused } from './command.ts';
import { KeptTokens, tokenFile } from './kept-tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'causeway-tokens-'));
after(() => rmSync(folder, { recursive: true }));
const token = (id: string) => ({ id, token: `secret-${id}`, expiresAt: '2027-01-05T00:00:00Z' });

test('a token is found again by its address, however that is written, and nobody else can read the file', () => {
  const path = join(folder, 'new', 'causeway', 'token');
  const tokens = new KeptTokens(path);
  assert.equal(tokens.find('http://a.example'), undefined);
  tokens.keep('http://a.example', token('1'));
  tokens.keep('http://b.example:8080/gateway/', token('2'));
  assert.equal(new KeptTokens(path).find('http://A.example:80/')?.token, 'secret-1');
  assert.equal(tokens.find('http://b.example:8080/gateway')?.token, 'secret-2');
  assert.equal(tokens.find('https://a.example'), undefined);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a new token takes the place of the old one of its address; a revoked one is forgotten, others stay', () => {
  const tokens = new KeptTokens(join(folder, 'changed'));
  tokens.keep('http://a.example', token('1'));
  tokens.keep('http://a.example', token('2'));
  tokens.keep('http://b.example', token('3'));
  tokens.forget('2');
  assert.deepEqual([tokens.find('http://a.example'), tokens.find('http://b.example')?.id], [undefined, '3']);
  assert.doesNotMatch(readFileSync(tokens.path, 'utf8'), /secret-[12]/);
});

test('a file that is none of tokens is not overwritten, and its owner is told what to do', () => {
  const path = join(folder, 'wrong');
  writeFileSync(path, 'my notes');
  const tokens = new KeptTokens(path);
  assert.throws(
    () => tokens.find('http://a.example'),
    (error: unknown) => error instanceof Refused && /remove it/.test(error.message),
  );
  assert.throws(() => tokens.keep('http://a.example', token('1')), Refused);
  assert.equal(readFileSync(path, 'utf8'), 'my notes');
});

test('the file lies in XDG_CONFIG_HOME, else in .config; a relative XDG_CONFIG_HOME does not count', () => {
  assert.equal(tokenFile({ XDG_CONFIG_HOME: '/etc/me' }, '/home/me'), '/etc/me/causeway/token');
  assert.equal(tokenFile({ XDG_CONFIG_HOME: 'etc' }, '/home/me'), '/home/me/.config/causeway/token');
  assert.equal(tokenFile({}, '/home/me'), '/home/me/.config/causeway/token');
});
