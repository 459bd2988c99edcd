// A modality in the middle of its work: `npm run send` that repeats what was refused, as modalities do, and what it was told so far.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AcceptedInstance, acceptedIn, runSend } from './run-send.ts';

export interface Sending {
  readonly accepted: () => AcceptedInstance[];
  /** Rejects with its output when not everything was accepted in the end. */
  readonly ended: Promise<void>;
  /** How many of them only at a repeat. */
  readonly repeated: () => number;
}

export interface SendingOptions {
  readonly port: number;
  readonly instances: number;
  /** Rows and columns of 16 bits [128: 33 KB]. */
  readonly side?: number;
  /** Of an instance that was not accepted, 2 s apart [60]. */
  readonly retries?: number;
}

export function startSending({ port, instances, side = 128, retries = 60 }: SendingOptions): Sending {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-sending-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const log = join(folder, 'send.ndjson');
  const what = ['--synthetic', `1x${instances}`, '--rows', side, '--columns', side];
  const run = runSend(['--port', port, ...what, '--retries', retries, '--associations', 2, '--log', log, '--quiet']);
  return {
    accepted: () => acceptedIn(log),
    ended: run.ended.then(({ code, output }) => assert.equal(code, 0, output)),
    repeated: () => (existsSync(log) ? (readFileSync(log, 'utf8').match(/"attempts":(?!1})/g) ?? []).length : 0),
  };
}
