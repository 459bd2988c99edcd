// The ledger as a process of its own, with a PostgreSQL of its own: what it sets in motion again when nobody else of the gateway runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../deploy/standalone/src/node-runtime.ts';
import { ROOT } from './gateway-under-test.ts';
import { startPostgres } from './postgres-for-tests.ts';

/** Work is taken for abandoned after a second, and looked for each second. `objects`: the object folder. */
export async function startLedger(at: { natsUrl: string; replicas: number; objects: string }): Promise<{ stop(): Promise<void> }> {
  const postgres = await startPostgres();
  const env = {
    ...process.env,
    ...NODE_ENVIRONMENT,
    CAUSEWAY_NATS_URL: at.natsUrl,
    CAUSEWAY_STREAM_REPLICAS: String(at.replicas),
    CAUSEWAY_STREAM_BYTES: String(256 * 1024 ** 2),
    CAUSEWAY_OBJECT_STORE: `folder:${at.objects}`,
    CAUSEWAY_DATABASE_URL: postgres.url,
    CAUSEWAY_GRACE_MS: '1000',
    CAUSEWAY_UPKEEP_MS: '1000',
  };
  const child = spawn(process.execPath, [...NODE_FLAGS, join(ROOT, 'services/ledger/src/main.ts')], { env, stdio: 'ignore' });
  return {
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      await postgres.stop();
    },
  };
}
