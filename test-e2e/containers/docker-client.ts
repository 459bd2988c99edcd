// The docker command line, towards one daemon.
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';

export class DockerClient {
  /** unix:///path, tcp://host:port */
  readonly host: string;

  constructor(host: string) {
    this.host = host;
  }

  /** Resolves with what the command printed; rejects with what it complained of. `input`: path of a file for its standard input. */
  run(words: readonly string[], input?: string): Promise<string> {
    const child = spawn('docker', ['--host', this.host, ...words], { stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
    if (input !== undefined) createReadStream(input).pipe(child.stdin!);
    const said = { out: '', all: '' };
    child.stdout!.on('data', (part) => {
      said.out += part;
      said.all += part;
    });
    child.stderr!.on('data', (part) => {
      said.all += part;
    });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) =>
        code === 0
          ? resolve(said.out.trim())
          : reject(new Error(`docker ${words.slice(0, 2).join(' ')} ended with ${code}: ${said.all.slice(-4000)}`)),
      );
    });
  }

  succeeds(words: readonly string[]): Promise<boolean> {
    return this.run(words).then(
      () => true,
      () => false,
    );
  }
}
