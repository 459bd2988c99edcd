// API tokens of this person, by address of the gateway, in one file that only they can read.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { readIfThere, writeAtomically } from '../atomic-file.ts';
import { Refused } from './command.ts';

const keptToken = z.object({ id: z.string(), token: z.string(), expiresAt: z.string() });
export type KeptToken = z.infer<typeof keptToken>;
const file = z.record(z.string(), keptToken);

export class KeptTokens {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  find(url: string): KeptToken | undefined {
    return this.#read()[addressOf(url)];
  }

  /** In place of what was kept for this address. */
  keep(url: string, token: KeptToken): void {
    this.#write({ ...this.#read(), [addressOf(url)]: token });
  }

  forget(id: string): void {
    this.#write(Object.fromEntries(Object.entries(this.#read()).filter(([, kept]) => kept.id !== id)));
  }

  #read(): Record<string, KeptToken> {
    const text = readIfThere(this.path);
    if (text === undefined) return {};
    try {
      return file.parse(JSON.parse(text));
    } catch {
      throw new Refused(`${this.path} is not a file of tokens: remove it, then npm run causeway -- login`);
    }
  }

  #write(tokens: Record<string, KeptToken>): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    writeAtomically(this.path, `${JSON.stringify(tokens, null, 2)}\n`);
  }
}

/** $XDG_CONFIG_HOME/causeway/token; a relative XDG_CONFIG_HOME does not count (XDG Base Directory Specification). */
export function tokenFile(environment: NodeJS.ProcessEnv, home: string): string {
  const base = environment.XDG_CONFIG_HOME;
  return join(base?.startsWith('/') ? base : join(home, '.config'), 'causeway', 'token');
}

/** One address, however it was written. */
const addressOf = (url: string): string => new URL(url).href.replace(/\/+$/, '');
