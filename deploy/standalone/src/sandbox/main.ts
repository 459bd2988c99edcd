// Starts the sandbox archive: a DICOMweb origin server (STOW-RS, QIDO-RS, WADO-RS) on this machine, for trying out and for tests. Not an archive for patients.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLogger } from '@causeway/shared/logger';
import { Archive } from './archive.ts';
import { ArrivalsJournal } from './arrivals-journal.ts';
import { readSandboxEnvironment } from './sandbox-environment.ts';
import { startSandbox } from './sandbox-server.ts';

const GRACE_MS = 10_000;

const environment = readSandboxEnvironment(process.env);
const log = createLogger('sandbox', environment.CAUSEWAY_LOG_LEVEL);
const folder = environment.CAUSEWAY_SANDBOX_DIR;
await mkdir(folder, { recursive: true, mode: 0o700 });
const archive = await Archive.open(folder);
const journal = await ArrivalsJournal.open(join(folder, 'arrivals.ndjson'));
const { CAUSEWAY_SANDBOX_TLS_CERT: certFile, CAUSEWAY_SANDBOX_TLS_KEY: keyFile } = environment;
const tls = certFile !== undefined && keyFile !== undefined ? { cert: await readFile(certFile), key: await readFile(keyFile) } : undefined;
const sandbox = await startSandbox({
  archive,
  journal,
  host: environment.CAUSEWAY_SANDBOX_HOST,
  port: environment.CAUSEWAY_SANDBOX_PORT,
  allowFaults: environment.CAUSEWAY_SANDBOX_FAULTS,
  report: (problem) => log.warn(problem),
  ...(tls === undefined ? {} : { tls }),
});
log.info({ url: sandbox.url, instances: archive.index.instanceCount }, 'the sandbox archive listens');

const stop = async (): Promise<void> => {
  await sandbox.close(GRACE_MS);
  await journal.close();
  await archive.close();
  log.info('the sandbox archive stopped');
};
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'the sandbox archive did not stop in order');
        process.exit(1);
      },
    );
  });
}
