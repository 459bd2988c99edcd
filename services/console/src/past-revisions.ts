// Revisions of the gateway document that decided in the past, and what was read of the headers under them.
import { type GatewayDocument, parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { attributesOfRules } from '@causeway/shared/config/rule-condition';
import { findConfiguration } from '@causeway/shared/database/configuration-revisions';
import type { Queryable } from '@causeway/shared/database/database';
import type { ReceivedHeader } from '@causeway/shared/database/header-queries';

export interface PastRevision {
  readonly revision: number;
  readonly at: Date;
  readonly document: GatewayDocument;
  /** Tag paths that its rules ask for. */
  readonly paths: ReadonlySet<string>;
}

/** A document for 1,000 facilities is some MB when parsed. */
const MOST_KEPT = 8;
/** All receivers have a revision after 2 s; what came in sooner may have been read under the one before. */
const SETTLED_MS = 60_000;
const NOTHING: ReadonlySet<string> = new Set();

export class PastRevisions {
  readonly #database: Queryable;
  readonly #kept = new Map<number, PastRevision | undefined>();

  constructor(database: Queryable) {
    this.#database = database;
  }

  /** undefined: it is not on record, or was written for a version of the gateway that this one does not read. */
  async find(revision: number): Promise<PastRevision | undefined> {
    if (!this.#kept.has(revision)) this.#kept.set(revision, await this.#load(revision));
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    return this.#kept.get(revision);
  }

  /** Tag paths that were surely read of the instance, beside those that always are. */
  async readPaths({ compressionRevision, routingRevision, receivedAt }: ReceivedHeader): Promise<ReadonlySet<string>> {
    const decided = compressionRevision ?? routingRevision;
    const revision = decided === null ? undefined : await this.find(decided);
    const isSure = revision !== undefined && revision.at.getTime() + SETTLED_MS <= receivedAt.getTime();
    return isSure ? revision.paths : NOTHING;
  }

  async #load(revision: number): Promise<PastRevision | undefined> {
    const stored = await findConfiguration(this.#database, revision);
    if (stored === undefined) return undefined;
    try {
      const document = parseGatewayDocument(stored.source);
      return { revision, at: stored.at, document, paths: new Set(attributesOfRules(document).values()) };
    } catch {
      return undefined;
    }
  }
}
