// After a power cut: nats-server never syncs the files that say what a stream or consumer is, and cannot open, nor make again, one whose files the cut left
// empty. Such a stream or consumer is set aside, so that it is made anew; reconciliation sets in motion what it held, for custody is the object.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Say } from './terminal.ts';

const STREAMS = join('jetstream', '$G', 'streams');
/** The last one only: for a look, and never to grow. */
const ASIDE = 'damaged';
/** Written once and whole (nats-server 2.9 to 2.12). The key is there when JetStream is encrypted. */
const DESCRIPTIONS = ['meta.inf', 'meta.sum'];
const KEY = 'meta.key';
const BLOCK_KEY = /^\d+\.key$/;

/** Before nats-server starts. `folder`: its store directory. */
export function setAsideDamage(folder: string, say: Say): void {
  const streams = join(folder, STREAMS);
  const damaged = namesIn(streams).filter((name) => isDamagedStream(join(streams, name)));
  if (damaged.length > 0) rmSync(join(folder, ASIDE), { recursive: true, force: true });
  for (const name of damaged) setAside(join(streams, name), join(folder, ASIDE, name));
  if (damaged.length > 0)
    say(
      `JetStream lost ${damaged.join(', ')} in a power cut: made anew (what is left lies in ${join(folder, ASIDE)}). ` +
        'Every image answered with success is in the object store; what is not under way is set in motion again after the grace age (10 min).',
    );
  for (const stream of namesIn(streams)) removeDamagedConsumers(join(streams, stream, 'obs'), say);
}

/** It is made again by who uses it, and given again what was not acknowledged. */
function removeDamagedConsumers(consumers: string, say: Say): void {
  for (const name of namesIn(consumers)) {
    if (!isDamaged(join(consumers, name))) continue;
    rmSync(join(consumers, name), { recursive: true, force: true });
    say(`JetStream lost consumer ${name} in a power cut: made anew`);
  }
}

function setAside(from: string, to: string): void {
  mkdirSync(join(to, '..'), { recursive: true, mode: 0o700 });
  renameSync(from, to);
}

function isDamagedStream(stream: string): boolean {
  const messages = join(stream, 'msgs');
  const keys = namesIn(messages).filter((name) => BLOCK_KEY.test(name));
  return isDamaged(stream) || keys.some((name) => hasNoContent(join(messages, name)));
}

function isDamaged(folder: string): boolean {
  return (
    DESCRIPTIONS.some((name) => hasNoContent(join(folder, name))) || (existsSync(join(folder, KEY)) && hasNoContent(join(folder, KEY)))
  );
}

/** Missing, empty, or zeros: the forms in which file systems leave a file that was never synced. */
function hasNoContent(path: string): boolean {
  return !existsSync(path) || readFileSync(path).every((byte) => byte === 0);
}

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);
