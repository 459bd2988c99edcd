// Which gateway document holds: the file that the environment names, when it is new; else what was applied last; else the default. A wrong file is
// reported loudly and changes nothing. Looked at again and again: a file that is put right is applied without a restart, and a broker that lost its
// data gets the document again.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Bus } from '@causeway/shared/bus/bus';
import { publishGatewayDocument, type Revision } from '@causeway/shared/bus/gateway-configuration';
import {
  defaultGatewayDocument,
  type GatewayDocument,
  GatewayDocumentError,
  parseGatewayDocument,
  readGatewayDocument,
} from '@causeway/shared/config/gateway-document';
import { insertConfiguration, newestConfiguration, newestFileHash } from '@causeway/shared/database/configuration-revisions';
import type { Database } from '@causeway/shared/database/database';
import { describeError } from '@causeway/shared/errors';
import type { Logger } from '@causeway/shared/logger';
import { findingsOf } from './document-findings.ts';

export interface ApplyParts {
  readonly database: Database;
  readonly bus: Bus;
  readonly log: Logger;
  /** What the services have. */
  readonly revision: () => Revision | undefined;
  readonly file?: string;
  readonly sandboxUrl?: string;
}

const AGAIN_EVERY_MS = 5_000;

export class ConfigurationApplier {
  readonly #parts: ApplyParts;
  /** A file that was found wrong: reported once, not every five seconds. */
  #refusedFile: string | undefined;
  /** The file as it was when it was last applied, found applied or refused. */
  #dealtWith: { readonly fileHash: string; readonly problem: string | undefined } | undefined;
  #problem: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: ApplyParts) {
    this.#parts = parts;
  }

  /** What is wrong, in one line without a value from the document. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#running = this.#goOn();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Looks once at everything. Never rejects. */
  async look(): Promise<void> {
    try {
      this.#problem = await this.#applyFile();
      await this.#applyDefault();
      await this.#publishNewest();
    } catch (error) {
      this.#problem = `the gateway document cannot be looked at: ${describeError(error)}`;
      this.#parts.log.warn({ reason: describeError(error) }, 'the gateway document cannot be looked at, trying again');
    }
  }

  async #goOn(): Promise<void> {
    await this.look();
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.start(), AGAIN_EVERY_MS);
  }

  /** Resolves with what is wrong with the file. */
  async #applyFile(): Promise<string | undefined> {
    const { file, database } = this.#parts;
    if (!file) return undefined;
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => error);
    if (text instanceof Error) return this.#refuse(`${text.code}`, { detail: `cannot be read (${text.code})` });
    const fileHash = createHash('sha256').update(text).digest('hex');
    const applied = await newestFileHash(database);
    // Another console has a newer file than ours, which did not change: ours follows (a ConfigMap reaches its pods one after another), or its console is being replaced.
    if (applied !== undefined && applied !== fileHash && this.#dealtWith?.fileHash === fileHash) return this.#dealtWith.problem;
    const problem = applied === fileHash ? undefined : await this.#applyText(text, fileHash);
    this.#dealtWith = { fileHash, problem };
    return problem;
  }

  /** Resolves with what is wrong with it. */
  async #applyText(text: string, fileHash: string): Promise<string | undefined> {
    try {
      const source = readGatewayDocument(text);
      const document = parseGatewayDocument(source);
      const stored = { author: 'file', comment: 'CAUSEWAY_CONFIG', origin: 'file', fileHash, source } as const;
      const revision = await insertConfiguration(this.#parts.database, stored);
      if (revision !== undefined) this.#tellApplied(revision, document);
      return undefined;
    } catch (error) {
      if (!(error instanceof GatewayDocumentError)) throw error;
      return this.#refuse(fileHash, {
        detail: `has ${error.problems.length} problems (see the log of the console)`,
        problems: error.problems,
      });
    }
  }

  /** Nobody waits for an answer here, so what is odd about the document goes to the log, a line each. */
  #tellApplied(revision: number, document: GatewayDocument): void {
    const { file, log } = this.#parts;
    const { warnings, notActedOn } = findingsOf(document);
    log.info({ revision, file, warnings: warnings.length }, 'the gateway document of the file is applied');
    for (const { path, warning } of warnings) log.warn({ revision, path, warning }, 'the gateway document holds, but see to this');
    if (notActedOn.length > 0) log.warn({ revision, notActedOn }, 'the gateway document sets fields that this version does not act on');
  }

  #refuse(identity: string, { detail, problems }: { detail: string; problems?: GatewayDocumentError['problems'] }): string {
    const { file, log } = this.#parts;
    if (this.#refusedFile !== identity)
      log.error(
        { file, problems },
        `the gateway document ${file} ${detail} and is not applied; the last good one stays. Correct the file: it is read again by itself`,
      );
    this.#refusedFile = identity;
    return `the file of CAUSEWAY_CONFIG ${detail}`;
  }

  /** Nothing was ever applied and no file is given: the default, if there is a sandbox archive to send to; again when that archive has moved. */
  async #applyDefault(): Promise<void> {
    const { database, file, sandboxUrl, log } = this.#parts;
    const newest = await newestConfiguration(database);
    if (file || (newest && newest.origin !== 'default')) return;
    if (!sandboxUrl) {
      if (!newest) this.#problem = 'there is no gateway document: name a file in CAUSEWAY_CONFIG, or PUT one to /api/configuration';
      return;
    }
    const source = defaultGatewayDocument(sandboxUrl);
    if (newest && isDeepStrictEqual(newest.source, source)) return;
    const basedOn = newest?.revision ?? 0;
    const revision = await insertConfiguration(database, { author: 'causeway', comment: 'default', origin: 'default', source, basedOn });
    if (revision !== undefined) log.info({ revision }, 'the default gateway document is applied');
  }

  async #publishNewest(): Promise<void> {
    const { database, bus, log, revision } = this.#parts;
    const newest = await newestConfiguration(database);
    if (!newest || revision()?.revision === newest.revision) return;
    await publishGatewayDocument(bus, newest.revision, newest.source);
    log.info({ revision: newest.revision }, 'gateway document published');
  }
}
