// The small pieces that every section of the gateway document is made of: ids, AE titles, networks, addresses, secrets, lists.
import { isIP } from 'node:net';
import { z } from 'zod';
import { ATTRIBUTE_HELP, attributePath } from './attribute-path.ts';
import { parseNetwork } from './network.ts';

const BACKSLASH_OR_CONTROL = /[\\\p{Cc}]/u;
/** RFC 1123 section 2.1, with the underscore that is met in practice. */
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*$/;
const SECRET = /^(env:[A-Za-z_][A-Za-z0-9_]{0,127}|file:\/[^\0]{1,1023})$/;

/** An object without other fields than these; the message names the fields that are allowed. */
export const section = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? unknownFields(issue.keys, Object.keys(shape)) : undefined),
  });

const unknownFields = (keys: string[], allowed: string[]): string =>
  `has no field ${keys.map((key) => JSON.stringify(key)).join(', ')}: the fields here are ${allowed.join(', ')}`;

/** One value or a list of them. */
export const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.preprocess((value) => (value === undefined || Array.isArray(value) ? value : [value]), z.array(item).min(1).max(1000));

export const list = <T extends z.ZodType>(item: T, most = 1000) => z.array(item).max(most);

const checked = (help: string, isRight: (text: string) => boolean) => z.string({ error: help }).refine(isRight, { error: help });

export const text = (most: number) => z.string().max(most);
export const name = () => z.string().min(1).max(128);
export const count = (least: number, most: number) => z.int().min(least).max(most);
export const port = () => count(1, 65_535);
/** IANA: dicom-tls. */
export const DEFAULT_TLS_PORT = 2762;

/** Goes into subjects and keys. */
export const id = () => checked('must be an id: a-z, 0-9 and -, 1 to 63 characters', (value) => /^[a-z0-9-]{1,63}$/.test(value));

/** PS3.5 section 6.2, VR AE: up to 16 characters, no backslash or control characters; leading and trailing spaces do not count, so they are not written. */
export const aeTitle = () =>
  checked('must be an AE title: 1 to 16 characters without backslash, surrounding spaces or "*" (in quotes if it is a number)', (value) => {
    return isAeTitle(value) && value !== '*';
  });
export const aeTitleOrAny = () => checked('must be an AE title of 1 to 16 characters, or "*" for any', isAeTitle);
const isAeTitle = (value: string): boolean =>
  value.length >= 1 && value.length <= 16 && value === value.trim() && !BACKSLASH_OR_CONTROL.test(value);

/** CIDR, or one address. */
export const network = () =>
  checked('must be a network such as 10.1.0.0/16 or fd00::/8, or an address', (value) => parseNetwork(value) !== undefined);

/** `CN=north*`: `*` stands for any characters; compared with the whole subject. */
export const tlsSubject = () => z.string().min(1).max(1024);

export const host = () =>
  checked(
    'must be a host name or an address, without port',
    (value) => isIP(value) !== 0 || (value.length <= 253 && HOST_NAME.test(value)),
  );

/** An http(s) address. User names and passwords have no place in it: they would be shown wherever the address is. */
export const url = () =>
  checked('must be an http:// or https:// address without user name, password, query or fragment (credentials go into auth)', (value) => {
    if (!URL.canParse(value)) return false;
    const { protocol, username, password, search, hash } = new URL(value);
    return ['http:', 'https:'].includes(protocol) && `${username}${password}${search}${hash}` === '';
  });

/** Where a secret is to be found; see secrets.ts. The value of a wrong one is never shown: it may be the secret itself. */
export const secret = () =>
  checked('must be a reference env:NAME or file:/path, never the secret itself: put the secret there', (value) => SECRET.test(value));

/** Keyword, (gggg,eeee) or path; kept as written. */
export const attribute = () => checked(ATTRIBUTE_HELP, (value) => attributePath(value) !== undefined);

/** TLS as a client. `cert` and `key`: the client certificate, given together. */
export const clientTls = () =>
  section({
    ca: secret().optional(),
    cert: secret().optional(),
    key: secret().optional(),
    minVersion: z.enum(['1.2', '1.3']).default('1.2'),
  }).refine((tls) => (tls.cert === undefined) === (tls.key === undefined), { error: 'must have cert and key together, or neither' });

/** What a proxy asks for (407). */
export const proxyAuth = () => section({ username: name(), password: secret() });

/** How to prove to a web service who we are. */
export const auth = () =>
  z
    .discriminatedUnion(
      'kind',
      [
        section({ kind: z.literal('none') }),
        section({ kind: z.literal('basic'), username: name(), password: secret() }),
        section({ kind: z.literal('bearer'), token: secret() }),
        section({ kind: z.literal('oauth2'), tokenUrl: url(), clientId: name(), clientSecret: secret(), scope: text(1024).optional() }),
      ],
      { error: 'must have a kind: none, basic, bearer or oauth2' },
    )
    .default({ kind: 'none' });
