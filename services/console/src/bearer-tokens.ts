// Requests of programs: `Authorization: Bearer <API token>` instead of a session. Only the hash of a token is kept.
import { createHash, randomBytes } from 'node:crypto';
import { findTokenHolder, noteTokenUse, type TokenHolder } from '@causeway/shared/database/api-tokens';
import { describeError } from '@causeway/shared/errors';
import type { FastifyRequest } from 'fastify';
import type { Actor, ConsoleParts } from './console-parts.ts';
import { HttpProblem } from './http-problem.ts';
import { TriesPerAddress } from './tries-per-address.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set when a token, not a session, says who it is. */
    apiTokenId?: string;
    apiTokenName?: string;
  }
}

/** So that who finds one in a file, or a scanner of repositories, knows what it is. */
const PREFIX = 'causeway_';
const TOKEN_BYTES = 32;
const TOKEN = new RegExp(`^${PREFIX}[A-Za-z0-9_-]{43}$`);
const BEARER = /^Bearer +(\S+)$/i;
/**
 * Nobody guesses 256 bits: this bounds what guessing costs the database and the log. Tokens that were right before are not slowed down, because behind a
 * proxy everybody has one address.
 */
const WRONG_TOKENS = { burst: 20, everyMs: 3_000, addresses: 10_000 };
/** Hashes of tokens that were right: more than there can be tokens (MOST_API_TOKENS), with some that are gone. */
const MOST_REMEMBERED = 1_000;

/** 32 random bytes, readable; the hash is what is kept. */
export function drawToken(): { token: string; tokenHash: string } {
  const token = PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
  return { token, tokenHash: hashOf(token) };
}

/** Whether the request comes with a token; other schemes are those of a proxy in front. */
export const hasBearer = ({ headers }: FastifyRequest): boolean => /^Bearer\b/i.test(headers.authorization ?? '');

export class BearerTokens {
  readonly #parts: Pick<ConsoleParts, 'database' | 'log'>;
  readonly #tries = new TriesPerAddress(WRONG_TOKENS);
  readonly #right = new Set<string>();
  /** One look at the database for requests with one token that come at the same time. */
  readonly #underWay = new Map<string, Promise<TokenHolder | undefined>>();

  constructor(parts: Pick<ConsoleParts, 'database' | 'log'>) {
    this.#parts = parts;
  }

  /** Lets the request act as the user of its token. Throws 401 when the token is none, not known or expired; 429 after too many such. */
  async authenticate(request: FastifyRequest): Promise<void> {
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const holder = TOKEN.test(token) ? await this.#holderOf(hashOf(token), request.ip) : undefined;
    if (holder === undefined) throw refused();
    request.user = holder.user;
    request.apiTokenId = holder.id;
    request.apiTokenName = holder.name;
  }

  /** The hash is looked up by its index: what its time might tell is of no use without a preimage of SHA-256. */
  #holderOf(tokenHash: string, address: string): Promise<TokenHolder | undefined> {
    const known = this.#underWay.get(tokenHash);
    if (known !== undefined) return known;
    const looking = this.#lookUp(tokenHash, address).finally(() => this.#underWay.delete(tokenHash));
    this.#underWay.set(tokenHash, looking);
    return looking;
  }

  async #lookUp(tokenHash: string, address: string): Promise<TokenHolder | undefined> {
    const counts = !this.#right.has(tokenHash);
    const waitMs = counts ? this.#tries.take(address, Date.now()) : 0;
    if (waitMs > 0) throw tooManyWrong(Math.ceil(waitMs / 1000));
    const holder = await findTokenHolder(this.#parts.database, tokenHash);
    if (holder === undefined) this.#forget(tokenHash, address);
    else if (counts) this.#remember(tokenHash, address);
    if (holder?.unnoted) await this.#note(holder.id);
    return holder;
  }

  #remember(tokenHash: string, address: string): void {
    this.#tries.giveBack(address);
    this.#right.add(tokenHash);
    if (this.#right.size > MOST_REMEMBERED) this.#right.delete(this.#right.values().next().value!);
  }

  #forget(tokenHash: string, address: string): void {
    this.#right.delete(tokenHash);
    this.#parts.log.warn({ address }, 'an API token was refused: it is not known, or has expired');
  }

  /** What a program asks for is answered although this could not be written. */
  async #note(id: string): Promise<void> {
    await noteTokenUse(this.#parts.database, id).catch((error: unknown) =>
      this.#parts.log.warn({ token: id, reason: describeError(error) }, 'the use of an API token was not noted'),
    );
  }
}

/** Who acts, for the audit: the user, and which token for it, if one does. */
export const actorOf = ({ user, apiTokenId, apiTokenName }: FastifyRequest): Actor => ({
  operator: user!.name,
  ...(apiTokenId === undefined ? {} : { token: `${apiTokenName} (${apiTokenId})` }),
});

/** Some things only a person may do: a token that fell into wrong hands must not make itself at home. */
export function refuseToken(request: FastifyRequest): void {
  if (request.apiTokenId === undefined) return;
  throw new HttpProblem(403, {
    error: 'token-not-enough',
    detail: 'An API token makes no tokens, removes none but itself, and changes no password and no user.',
    whatToDo: 'Sign in with user and password: POST /api/session.',
  });
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

const refused = (): HttpProblem =>
  new HttpProblem(401, {
    error: 'token-refused',
    detail: 'The API token is not known, or has expired.',
    whatToDo: 'Sign in and make a new one: POST /api/tokens with a name.',
  });

const tooManyWrong = (seconds: number): HttpProblem =>
  new HttpProblem(
    429,
    {
      error: 'too-many-tries',
      detail: `Too many wrong API tokens from this address: the next is looked at in ${seconds} s.`,
      whatToDo: 'Stop the program that sends them, then try again.',
    },
    seconds,
  );
