// The Authorization header of outgoing requests: none, Basic (RFC 7617), Bearer (RFC 6750), OAuth 2.0 client credentials (RFC 6749 section 4.4).
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import type { SecretReader } from '../config/secret-reference.ts';
import { describeError, TransientError } from '../errors.ts';
import { retryAfterMs } from './retry-after.ts';

/** As in the gateway document; `password`, `token` and `clientSecret` are references (env:NAME, file:PATH). */
export type HttpAuthorization =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  | {
      readonly kind: 'oauth2';
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope?: string | undefined;
    };

export interface AuthorizationSource {
  /** The value of the header; undefined: none is sent. Throws AuthorizationUnavailable when a secret or token cannot be had. */
  header(): Promise<string | undefined>;
  /** The server answered 401 to this value. True: the next `header()` gives another one; false: there is no other to be had. */
  renew(refused: string): boolean;
}

/** No secret, or no token from the token endpoint: nothing was sent, and nothing can be. */
export class AuthorizationUnavailable extends TransientError {
  override readonly name = 'AuthorizationUnavailable';
}

export interface AuthorizationParts {
  readonly readSecret: SecretReader;
  /** For the token endpoint. */
  readonly dispatcher: () => Promise<Dispatcher>;
  readonly now: () => number;
}

/** A token is used no longer than until this long before its end, or half its life if that is shorter. */
const RENEW_BEFORE_MS = 30_000;
/** RFC 6749 section 5.1: expires_in is only recommended. */
const ASSUMED_LIFE_S = 300;
const MAX_TOKEN_ANSWER_BYTES = 64 * 1024;
const TOKEN_TIMEOUT_MS = 30_000;

const tokenAnswer = z.object({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive().default(ASSUMED_LIFE_S),
});

export function createAuthorization(auth: HttpAuthorization, parts: AuthorizationParts): AuthorizationSource {
  if (auth.kind === 'oauth2') return new ClientCredentials(auth, parts);
  const header = async (): Promise<string | undefined> => {
    if (auth.kind === 'basic') return `Basic ${base64(`${auth.username}:${await secretOf(auth.password, parts)}`)}`;
    if (auth.kind === 'bearer') return `Bearer ${await secretOf(auth.token, parts)}`;
    return undefined;
  };
  return { header, renew: () => false };
}

async function secretOf(reference: string, { readSecret }: Pick<AuthorizationParts, 'readSecret'>): Promise<string> {
  try {
    return await readSecret(reference);
  } catch (error) {
    throw new AuthorizationUnavailable(`no credentials: ${describeError(error)}`);
  }
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

class ClientCredentials implements AuthorizationSource {
  readonly #auth: HttpAuthorization & { kind: 'oauth2' };
  readonly #parts: AuthorizationParts;
  #token: { value: string; usableUntil: number } | undefined;
  /** One request for a token at a time, whoever asks. */
  #pending: Promise<string> | undefined;

  constructor(auth: HttpAuthorization & { kind: 'oauth2' }, parts: AuthorizationParts) {
    this.#auth = auth;
    this.#parts = parts;
  }

  async header(): Promise<string> {
    if (this.#token !== undefined && this.#parts.now() < this.#token.usableUntil) return `Bearer ${this.#token.value}`;
    this.#pending ??= this.#fetch().finally(() => {
      this.#pending = undefined;
    });
    return `Bearer ${await this.#pending}`;
  }

  /** Another request may have fetched a token since the refused one was sent. */
  renew(refused: string): boolean {
    if (refused === `Bearer ${this.#token?.value}`) this.#token = undefined;
    return true;
  }

  async #fetch(): Promise<string> {
    const askedAt = this.#parts.now();
    const answer = await this.#ask(await secretOf(this.#auth.clientSecret, this.#parts));
    const lifeMs = answer.expires_in * 1000;
    this.#token = { value: answer.access_token, usableUntil: askedAt + Math.max(lifeMs / 2, lifeMs - RENEW_BEFORE_MS) };
    return answer.access_token;
  }

  async #ask(clientSecret: string): Promise<z.infer<typeof tokenAnswer>> {
    const { tokenUrl, clientId, scope } = this.#auth;
    const url = new URL(tokenUrl);
    const form = new URLSearchParams({ grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) });
    // RFC 6749 section 2.3.1: identifier and secret are form-encoded before they are joined.
    const credentials = base64(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`);
    try {
      const dispatcher = await this.#parts.dispatcher();
      const answer = await dispatcher.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'POST',
        headers: {
          authorization: `Basic ${credentials}`,
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
        },
        body: form.toString(),
        headersTimeout: TOKEN_TIMEOUT_MS,
        bodyTimeout: TOKEN_TIMEOUT_MS,
      });
      const text = await readText(answer.body, MAX_TOKEN_ANSWER_BYTES);
      // The text of a refusal may hold what was sent: only its status is told on.
      if (answer.statusCode !== 200) {
        const waitMs = retryAfterMs(answer.headers['retry-after']);
        throw new AuthorizationUnavailable(
          `the token endpoint answered ${answer.statusCode}`,
          waitMs === undefined ? {} : { retryAfterMs: waitMs },
        );
      }
      return tokenAnswer.parse(JSON.parse(text));
    } catch (error) {
      if (error instanceof AuthorizationUnavailable) throw error;
      const known = error instanceof SyntaxError || error instanceof z.ZodError;
      throw new AuthorizationUnavailable(known ? 'the token endpoint gave no token' : 'the token endpoint cannot be reached', {
        cause: known ? undefined : error,
      });
    }
  }
}

/** Reads a short answer whole. Throws TransientError when it is longer than `maxBytes`. */
export async function readText(body: AsyncIterable<Buffer | Uint8Array>, maxBytes: number): Promise<string> {
  return (await readBytes(body, maxBytes)).toString('utf8');
}

/** As readText, undecoded. */
export async function readBytes(body: AsyncIterable<Buffer | Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw new TransientError(`an HTTP answer of more than ${maxBytes} bytes where a short one was expected`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
