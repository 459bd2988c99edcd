// Users over HTTP, for administrators: listed, made, changed, removed. First passwords are drawn here and shown once.
import { randomBytes } from 'node:crypto';
import { insertUser, ROLES } from '@causeway/shared/database/accounts';
import { type ChangeOutcome, changeUser, listUsers, removeUser, type UserEntry } from '@causeway/shared/database/users';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { actorOf, refuseToken } from './bearer-tokens.ts';
import { type Action, auditIfPossible, type ConsoleParts } from './console-parts.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';
import { hashPassword } from './password-hash.ts';

/** 96 bits, to be typed once. */
const FIRST_PASSWORD_BYTES = 12;
const MOST_USERS = 1_000;

/** They stand in lists, in the audit, and in addresses of this API. */
const userName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, 'must be 1 to 64 letters, digits and . _ @ -');
const facilityId = z.string().regex(/^[a-z0-9-]{1,63}$/, 'must be the id of a facility');
const rights = z
  .object({ role: z.enum(ROLES), allFacilities: z.boolean().default(false), facilities: z.array(facilityId).max(1_000).default([]) })
  .transform(({ role, allFacilities, facilities }) => ({ role, allFacilities, facilities: [...new Set(facilities)].sort() }))
  .refine(({ allFacilities, facilities }) => allFacilities === (facilities.length === 0), {
    message: 'name facilities, or set allFacilities: true, not both and not neither',
  })
  .refine(({ role, allFacilities }) => allFacilities || role !== 'administrator', { message: 'an administrator has all facilities' });
const newUser = z.object({ name: userName }).and(rights);
const change = z.object({ rights: rights.optional(), newPassword: z.boolean().default(false) });
const chosen = z.object({ name: z.string().min(1).max(64) });

export function userRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/users', async () => ({ users: await listUsers(parts.database) }));
  app.post('/api/users', (request) => makeUser(parts, request));
  app.put('/api/users/:name', (request) => setUser(parts, request));
  app.delete('/api/users/:name', async (request, reply) => {
    refuseToken(request);
    const { name } = parsed(chosen, request.params);
    assertDone(await removeUser(parts.database, name), name);
    await auditIfPossible(parts, acted(request, 'user-removed', name));
    return reply.code(204).send();
  });
}

async function makeUser(parts: ConsoleParts, request: FastifyRequest): Promise<object> {
  refuseToken(request);
  const { name, ...given } = parsed(newUser, request.body);
  assertKnown(parts, given.facilities);
  if ((await listUsers(parts.database)).length >= MOST_USERS) throw tooMany();
  const { password, passwordHash } = await drawPassword();
  if (!(await insertUser(parts.database, { name, passwordHash, mustChangePassword: true, ...given }))) throw alreadyThere(name);
  await auditIfPossible(parts, acted(request, 'user-made', described(name, given)));
  return { name, ...given, password };
}

async function setUser(parts: ConsoleParts, request: FastifyRequest): Promise<object> {
  refuseToken(request);
  const { name } = parsed(chosen, request.params);
  const { rights: given, newPassword } = parsed(change, request.body);
  if (given === undefined && !newPassword) throw nothingToChange();
  if (given !== undefined) assertKnown(parts, given.facilities);
  const drawn = newPassword ? await drawPassword() : undefined;
  assertDone(await changeUser(parts.database, { name, rights: given, passwordHash: drawn?.passwordHash }), name);
  const subject = [given === undefined ? name : described(name, given), ...(newPassword ? ['new first password'] : [])].join(', ');
  await auditIfPossible(parts, acted(request, 'user-changed', subject));
  return { name, ...given, password: drawn?.password };
}

async function drawPassword(): Promise<{ password: string; passwordHash: string }> {
  const password = randomBytes(FIRST_PASSWORD_BYTES).toString('base64url');
  return { password, passwordHash: await hashPassword(password) };
}

const acted = (request: FastifyRequest, action: Action['action'], subject: string): Action => ({
  ...actorOf(request),
  action,
  subject: subject.slice(0, 300),
});

const described = (name: string, { role, allFacilities, facilities }: Pick<UserEntry, 'role' | 'allFacilities' | 'facilities'>): string =>
  `${name}: ${role} of ${allFacilities ? 'all facilities' : facilities.join(', ')}`;

/** A misspelt one would see nothing, and nobody would know why. */
function assertKnown({ revision }: ConsoleParts, facilities: readonly string[]): void {
  const known = new Set(revision()?.document.facilities.map(({ id }) => id));
  const unknown = facilities.filter((id) => !known.has(id));
  if (unknown.length === 0) return;
  const detail = `The gateway document has no facility ${unknown.join(', ')}.`;
  throw new HttpProblem(422, { error: 'unknown-facility', detail, whatToDo: `Choose among: ${[...known].join(', ')}.` });
}

function assertDone(outcome: ChangeOutcome, name: string): void {
  if (outcome === 'unknown') throw notFound(`User ${name}`);
  if (outcome === 'last-administrator') throw lastAdministrator();
}

const lastAdministrator = (): HttpProblem =>
  new HttpProblem(409, {
    error: 'last-administrator',
    detail: 'This is the only administrator: afterwards nobody could make one.',
    whatToDo: 'Make another user administrator first.',
  });

const alreadyThere = (name: string): HttpProblem =>
  new HttpProblem(409, {
    error: 'user-exists',
    detail: `There is a user ${name} already.`,
    whatToDo: 'Choose another name, or change that user.',
  });

const nothingToChange = (): HttpProblem =>
  new HttpProblem(400, { error: 'bad-request', detail: 'Nothing is to be changed.', whatToDo: 'Give rights, newPassword: true, or both.' });

const tooMany = (): HttpProblem =>
  new HttpProblem(409, {
    error: 'too-many-users',
    detail: `There are ${MOST_USERS} users.`,
    whatToDo: 'Remove those that are no longer needed.',
  });
