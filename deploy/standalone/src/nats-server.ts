// nats-server with JetStream for this gateway alone: loopback, password, encrypted at rest.
import { join } from 'node:path';
import { writeAtomically } from './atomic-file.ts';
import type { DataFolder } from './data-folder.ts';
import { setAsideDamage } from './jetstream-mend.ts';
import type { ProcessPlan } from './kept-process.ts';
import type { Ports } from './ports.ts';
import type { Secrets } from './secrets.ts';
import type { Say } from './terminal.ts';

export const NATS_USER = 'causeway';
/** Beside the streams lie key-value buckets, which reserve nothing. */
const ROOM_FOR_BUCKETS_BYTES = 1024 ** 3;
const MEMORY_STORE_BYTES = 64 * 1024 ** 2;

export interface NatsServerOptions {
  readonly program: string;
  readonly data: DataFolder;
  readonly ports: Ports;
  readonly secrets: Secrets;
  readonly streamBytes: number;
  readonly say: Say;
}

/** Writes the configuration file (0600: it holds the password and the key) and says how to run the server. */
export function planNatsServer(options: NatsServerOptions): ProcessPlan {
  const { program, data } = options;
  const file = join(data.run, 'nats-server.conf');
  writeAtomically(file, configuration(options));
  return {
    name: 'nats-server',
    command: program,
    arguments: ['--config', file],
    environment: process.env,
    workingFolder: data.nats,
    stopSignal: 'SIGTERM',
    prepare: async () => setAsideDamage(data.nats, options.say),
  };
}

export const natsUrl = (ports: Ports): string => `nats://127.0.0.1:${ports.nats}`;

/**
 * max_payload: an event stays far below it. No sync_interval: 2.9 refuses to start with it; what a power cut takes from JetStream,
 * reconciliation sets in motion again (custody is the object).
 */
function configuration({ data, ports, secrets, streamBytes }: NatsServerOptions): string {
  return `# Written by the supervisor at each start.
listen: "127.0.0.1:${ports.nats}"
http: "127.0.0.1:${ports.natsMonitor}"
server_name: causeway
max_payload: 1MB
write_deadline: "10s"
ping_interval: "20s"
authorization { user: ${NATS_USER}, password: "${secrets.natsPassword}", timeout: 5 }
jetstream {
  store_dir: ${JSON.stringify(data.nats)}
  max_file_store: ${streamBytes + ROOM_FOR_BUCKETS_BYTES}
  max_memory_store: ${MEMORY_STORE_BYTES}
  key: "${secrets.jetstreamKey}"
  cipher: aes
}
`;
}
