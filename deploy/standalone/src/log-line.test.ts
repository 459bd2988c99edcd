// Which lines of the children's logs reach the terminal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortLine } from './log-line.ts';

test('a warning of a service is shown with its reason', () => {
  assert.equal(shortLine('{"level":"warn","message":"JetStream is not ready","reason":"no answer"}'), 'JetStream is not ready: no answer');
});

test('a reason that the message says already is not said twice', () => {
  const line = JSON.stringify({ level: 'warn', message: '10.0.0.1 at listener lan: no DICOM', detail: 'no DICOM' });
  assert.equal(shortLine(line), '10.0.0.1 at listener lan: no DICOM');
});

test('an information line, half a line and a stack trace are not shown', () => {
  for (const line of ['{"level":"info","message":"started"}', '{"level":"warn","mess', '    at Object.<anonymous> (a.ts:1:1)', ''])
    assert.equal(shortLine(line), undefined);
});

test('errors of nats-server and a panic of Postgres are shown, its FATAL for a refused connection is not', () => {
  assert.equal(shortLine('[88] 2026/11/22 07:00:00.1 [ERR] JetStream out of space'), 'JetStream out of space');
  assert.equal(shortLine('2026-11-22 07:00:00 UTC [9] PANIC:  could not write'), 'could not write');
  assert.equal(shortLine('2026-11-22 07:00:00 UTC [9] FATAL:  the database system is starting up'), undefined);
});

test('a very long line is cut', () => {
  assert.equal(shortLine(JSON.stringify({ level: 'error', message: 'x'.repeat(10_000) }))!.length, 240);
});
