// Ends what a killed supervisor left running, in the order of a clean stop: services first, then Postgres, nats-server last.
import { forgetProcess, recordedProcesses } from './pid-record.ts';
import { isRunning, type ProcessIdentity } from './process-identity.ts';

/** What ends last, in this order; everything else before them. */
const LAST = ['sandbox', 'postgres', 'nats-server'];
/** Postgres: fast shutdown is SIGINT (server-shutdown.html); the others drain on SIGTERM. */
const STOP_SIGNAL: Record<string, NodeJS.Signals> = { postgres: 'SIGINT' };
const LOOK_EVERY_MS = 50;

export interface OrphanOptions {
  readonly runFolder: string;
  /** How long each may take before SIGKILL, ms. */
  readonly graceMs: number;
  readonly say: (text: string) => void;
}

/** Names of those that were ended. */
export async function endOrphans(options: OrphanOptions): Promise<string[]> {
  const orphans = recordedProcesses(options.runFolder);
  const names = [...orphans.keys()];
  if (names.length === 0) return [];
  options.say(`ending what an earlier supervisor left running: ${names.join(', ')}`);
  const services = names.filter((name) => !LAST.includes(name));
  await Promise.all(services.map((name) => endOrphan(name, orphans.get(name)!, options)));
  for (const name of LAST) {
    const identity = orphans.get(name);
    if (identity !== undefined) await endOrphan(name, identity, options);
  }
  return names;
}

async function endOrphan(name: string, identity: ProcessIdentity, { runFolder, graceMs, say }: OrphanOptions): Promise<void> {
  signal(identity, STOP_SIGNAL[name] ?? 'SIGTERM');
  if (!(await hasEnded(identity, graceMs))) {
    say(`${name} (process ${identity.pid}) did not end within ${graceMs / 1000} s: killed`);
    signal(identity, 'SIGKILL');
    await hasEnded(identity, graceMs);
  }
  forgetProcess(runFolder, name);
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  try {
    if (isRunning(identity)) process.kill(identity.pid, name);
  } catch {
    // It ended in between, or is not ours to end: hasEnded tells.
  }
}

async function hasEnded(identity: ProcessIdentity, withinMs: number): Promise<boolean> {
  const until = Date.now() + withinMs;
  while (isRunning(identity)) {
    if (Date.now() >= until) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return true;
}
