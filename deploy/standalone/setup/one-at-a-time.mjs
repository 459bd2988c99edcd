// Two set-ups in one checkout at a time (npm start in one terminal, npm test in another): the second waits for the first.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOOLS } from './places.mjs';

const LOCK = join(TOOLS, 'set-up.lock');

/** Runs `work` while no other set-up of this checkout does. A lock whose process is gone is taken over. */
export async function oneAtATime(say, work) {
  mkdirSync(TOOLS, { recursive: true });
  let told = false;
  while (!take()) {
    if (!told) say('another set-up is at work in this folder, waiting for it');
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const release = () => rmSync(LOCK, { force: true });
  const onSignal = () => {
    release();
    process.exit(130);
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    return await work();
  } finally {
    release();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function take() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!isAlive(holder())) rmSync(LOCK, { force: true });
    return false;
  }
}

function holder() {
  try {
    return Number(readFileSync(LOCK, 'utf8'));
  } catch {
    return 0;
  }
}

/** A pid of 0 is a lock just being written or removed: counted as alive, and looked at again. */
function isAlive(pid) {
  if (!pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
