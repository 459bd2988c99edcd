// Signing in and out: a random token in an HttpOnly cookie, its hash in the database, twelve hours.
import { createHash, randomBytes } from 'node:crypto';
import {
  changePassword,
  countSignInTry,
  deleteSession,
  findSessionUser,
  findUser,
  forgetSignInTries,
  insertSession,
  type User,
} from '@causeway/shared/database/accounts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type BearerTokens, hasBearer, refuseToken } from './bearer-tokens.ts';
import { auditIfPossible, type ConsoleParts } from './console-parts.ts';
import { FIRST_USER, forgetFirstPassword } from './first-user.ts';
import { HttpProblem, parsed } from './http-problem.ts';
import { hashPassword, verifyPassword } from './password-hash.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set for every signed-in request. */
    user?: User;
  }
}

const COOKIE = 'causeway_session';
/** A working day and a long shift; then one signs in again. */
const SESSION_SECONDS = 12 * 3600;
const TOKEN_BYTES = 32;
const MIN_PASSWORD_CHARACTERS = 12;
/** Hashing time grows with it, and nobody types more. */
const MAX_PASSWORD_CHARACTERS = 256;
/** At a time, whoever asks: a password costs 0.3 s of one of four threads (password-hash.ts), and who invents names has no delay. */
const MOST_SIGN_INS = 8;
const BUSY_SECONDS = 1;
/** A custom header cannot be sent across origins without a preflight, which we never answer: with SameSite=Strict a second wall against CSRF. */
export const REQUEST_HEADER = { name: 'x-requested-with', value: 'causeway' } as const;

const credentials = z.object({ user: z.string().min(1).max(64), password: z.string().min(1).max(MAX_PASSWORD_CHARACTERS) });
const newPassword = z.object({
  current: z.string().min(1).max(MAX_PASSWORD_CHARACTERS),
  next: z.string().min(MIN_PASSWORD_CHARACTERS, `must have at least ${MIN_PASSWORD_CHARACTERS} characters`).max(MAX_PASSWORD_CHARACTERS),
});

/** Verified when the user does not exist, so that the time tells nothing. */
let nobodysHash: Promise<string> | undefined;

export function sessionRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  const oneSignIn = atMost(MOST_SIGN_INS, (request: FastifyRequest, reply: FastifyReply) => signIn(parts, request, reply));
  app.post('/api/session', (request, reply) => oneSignIn(request, reply));
  app.get('/api/session', async (request) => shown(request.user!));
  app.delete('/api/session', async (request, reply) => {
    await deleteSession(parts.database, tokenHashOf(request) ?? '');
    return reply.clearCookie(COOKIE, { path: '/' }).code(204).send();
  });
  app.post('/api/password', (request, reply) => replacePassword(parts, request, reply));
}

/** For every request under /api but the sign-in itself: no session and no API token, no answer; and in a session no change without our own header. */
export async function requireUser(parts: ConsoleParts, tokens: BearerTokens, request: FastifyRequest): Promise<void> {
  const isSignIn = request.method === 'POST' && request.routeOptions.url === '/api/session';
  if (hasBearer(request) && !isSignIn) return tokens.authenticate(request);
  if (request.method !== 'GET' && request.headers[REQUEST_HEADER.name] !== REQUEST_HEADER.value) throw missingHeader();
  if (isSignIn) return;
  const tokenHash = tokenHashOf(request);
  const user = tokenHash === undefined ? undefined : await findSessionUser(parts.database, tokenHash);
  if (!user) throw signedOut();
  request.user = user;
}

/** Refuses instead of queueing: what waits costs memory, and the page's own files wait behind it. */
function atMost<Given extends unknown[], Result>(most: number, work: (...given: Given) => Promise<Result>) {
  let underWay = 0;
  return async (...given: Given): Promise<Result> => {
    if (underWay >= most) throw tooManyTries(BUSY_SECONDS);
    underWay += 1;
    try {
      return await work(...given);
    } finally {
      underWay -= 1;
    }
  };
}

async function signIn(parts: ConsoleParts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { user: name, password } = parsed(credentials, request.body);
  const who = { userName: name, address: request.ip };
  const waitSeconds = await countSignInTry(parts.database, who);
  if (waitSeconds > 0) throw tooManyTries(waitSeconds);
  const user = await findUser(parts.database, name);
  nobodysHash ??= hashPassword(randomBytes(TOKEN_BYTES).toString('hex'));
  const right = await verifyPassword(password, user?.passwordHash ?? (await nobodysHash));
  // The name of an unknown user may be a password in the wrong field: it is written nowhere but in the table of delays.
  await auditIfPossible(parts, {
    operator: user?.name ?? 'unknown',
    action: user && right ? 'signed-in' : 'sign-in-refused',
    subject: request.ip,
  });
  if (!user || !right) throw wrongCredentials();
  await forgetSignInTries(parts.database, who);
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  await insertSession(parts.database, { tokenHash: hashToken(token), userName: user.name, seconds: SESSION_SECONDS });
  const secure = request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https';
  return reply
    .setCookie(COOKIE, token, { path: '/', httpOnly: true, sameSite: 'strict', secure, maxAge: SESSION_SECONDS })
    .send(shown(user));
}

async function replacePassword(parts: ConsoleParts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  refuseToken(request);
  const { current, next } = parsed(newPassword, request.body);
  const user = request.user!;
  const who = { userName: user.name, address: request.ip };
  const waitSeconds = await countSignInTry(parts.database, who);
  if (waitSeconds > 0) throw tooManyTries(waitSeconds);
  if (!(await verifyPassword(current, user.passwordHash))) throw wrongCredentials();
  await forgetSignInTries(parts.database, who);
  const passwordHash = await hashPassword(next);
  await changePassword(parts.database, { name: user.name, passwordHash, keepTokenHash: tokenHashOf(request)! });
  if (user.name === FIRST_USER) await forgetFirstPassword(parts.firstPasswordFile, parts.log);
  await auditIfPossible(parts, { operator: user.name, action: 'password-changed', subject: user.name });
  return reply.code(204).send();
}

const shown = ({ name, mustChangePassword, role, allFacilities, facilities }: User) => ({
  user: name,
  mustChangePassword,
  role,
  allFacilities,
  facilities,
});
const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

function tokenHashOf(request: FastifyRequest): string | undefined {
  const token = request.cookies[COOKIE];
  return token === undefined ? undefined : hashToken(token);
}

const signedOut = (): HttpProblem =>
  new HttpProblem(401, {
    error: 'signed-out',
    detail: 'No valid session.',
    whatToDo: 'Sign in: POST /api/session with user and password. Programs send an API token: "Authorization: Bearer ...".',
  });

const wrongCredentials = (): HttpProblem =>
  new HttpProblem(403, {
    error: 'wrong-credentials',
    detail: 'User and password do not fit.',
    whatToDo: 'Check both and try again.',
  });

const tooManyTries = (seconds: number): HttpProblem =>
  new HttpProblem(
    429,
    { error: 'too-many-tries', detail: `Too many tries: the next is possible in ${seconds} s.`, whatToDo: 'Wait, then try again.' },
    seconds,
  );

const missingHeader = (): HttpProblem =>
  new HttpProblem(403, {
    error: 'missing-header',
    detail: `The header ${REQUEST_HEADER.name} is missing.`,
    whatToDo: `Send "${REQUEST_HEADER.name}: ${REQUEST_HEADER.value}" with every request that changes something.`,
  });
