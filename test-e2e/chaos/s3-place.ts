// The S3 server of the cluster, on a machine of its own, behind a front that can answer with errors.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import type { Rule } from '@causeway/shared/object-store/s3-fault-proxy-for-tests';
import { type S3Server, startS3Server } from '@causeway/shared/object-store/s3-server-for-tests';
import type { Machine } from './network.ts';

const PORT = 9000;
const BUCKET = 'chaos';

export class S3Place {
  readonly server: S3Server;
  readonly endpoint: string;
  readonly bucket = BUCKET;
  readonly #front: ChildProcess;

  private constructor(server: S3Server, front: ChildProcess, endpoint: string) {
    this.server = server;
    this.#front = front;
    this.endpoint = endpoint;
  }

  static async start(machine: Machine, logs: string): Promise<S3Place> {
    const server = await startS3Server({ keeps: 'disk', place: machine });
    const [program, ...words] = [...machine.on, process.execPath, join(import.meta.dirname, 's3-front.ts')];
    const output = openSync(join(logs, 's3-front.log'), 'a');
    const front = spawn(program!, [...words, machine.address, String(PORT), String(server.port)], {
      stdio: ['ignore', output, output, 'ipc'],
      serialization: 'advanced',
    });
    await once(front, 'message');
    return new S3Place(server, front, `http://${machine.address}:${PORT}`);
  }

  /** What a service needs. */
  environment(): NodeJS.ProcessEnv {
    return { ...this.server.environment(BUCKET), CAUSEWAY_S3_ENDPOINT: this.endpoint };
  }

  /** Without rules everything passes. */
  behave(...rules: Rule[]): void {
    this.#front.send(rules);
  }

  async stop(): Promise<void> {
    this.#front.kill('SIGKILL');
    await this.server.stop();
  }
}
