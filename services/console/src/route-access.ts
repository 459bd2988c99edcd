// Who may use which route, and how it is limited to facilities: every route of the console stands in one table, and one that does not cannot be registered.
import { ROLES, type Role, type User } from '@causeway/shared/database/accounts';
import type { FacilityScope } from '@causeway/shared/database/facility-scope';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpProblem } from './http-problem.ts';

/**
 * `who`: the least role, or anyone without signing in. `facilities`: `own`: what is answered and done is limited to the user's facilities (requestScope);
 * `all`: only for users who have all of them; `none`: it tells and does nothing that belongs to a facility.
 */
export interface RouteAccess {
  readonly who: Role | 'anyone';
  readonly facilities: 'own' | 'all' | 'none';
}

const access = (who: RouteAccess['who'], facilities: RouteAccess['facilities']): RouteAccess => ({ who, facilities });

/** HEAD is answered as GET is. */
export const ROUTE_ACCESS: Readonly<Record<string, RouteAccess>> = {
  'GET /*': access('anyone', 'none'),
  'GET /health/live': access('anyone', 'none'),
  'GET /health/ready': access('anyone', 'none'),

  'POST /api/session': access('anyone', 'none'),
  'GET /api/session': access('reader', 'none'),
  'DELETE /api/session': access('reader', 'none'),
  'POST /api/password': access('reader', 'none'),
  // An administrator's list has everybody's tokens, anyone else's their own.
  'GET /api/tokens': access('reader', 'none'),
  'POST /api/tokens': access('reader', 'none'),
  'DELETE /api/tokens/:id': access('reader', 'none'),
  'GET /api/users': access('administrator', 'all'),
  'POST /api/users': access('administrator', 'all'),
  'PUT /api/users/:name': access('administrator', 'all'),
  'DELETE /api/users/:name': access('administrator', 'all'),

  'GET /api/gateway': access('reader', 'own'),
  'GET /api/status': access('reader', 'own'),
  'GET /api/studies': access('reader', 'own'),
  'GET /api/studies/:uid': access('reader', 'own'),
  'GET /api/work': access('reader', 'own'),
  'GET /api/destinations': access('reader', 'own'),
  // An administrator's has everybody's actions, anyone else's their own.
  'GET /api/audit': access('reader', 'own'),

  'GET /api/reconciliation': access('reader', 'own'),
  'GET /api/deletions': access('reader', 'all'),

  'GET /api/held': access('reader', 'own'),
  'GET /api/held/receipts': access('reader', 'own'),
  'POST /api/held/assign': access('operator', 'own'),
  'POST /api/held/retry': access('operator', 'own'),
  'POST /api/held/release': access('operator', 'own'),
  'POST /api/held/discard': access('operator', 'own'),
  'POST /api/held/:receiptId/assign': access('operator', 'own'),
  'POST /api/held/:receiptId/retry': access('operator', 'own'),
  'POST /api/held/:receiptId/release': access('operator', 'own'),
  'POST /api/held/:receiptId/discard': access('operator', 'own'),

  'GET /api/deliveries': access('reader', 'own'),
  'GET /api/deliveries/failed': access('reader', 'own'),
  'GET /api/deliveries/parked': access('reader', 'own'),
  'POST /api/deliveries/retry': access('operator', 'own'),
  'POST /api/deliveries/discard': access('operator', 'own'),
  'POST /api/deliveries/:id/retry': access('operator', 'own'),
  'POST /api/deliveries/:id/discard': access('operator', 'own'),

  // Whose study an archive has is not known here before it is fetched.
  'POST /api/retrievals': access('operator', 'all'),
  'GET /api/retrievals': access('reader', 'own'),
  'GET /api/retrievals/:id': access('reader', 'own'),

  // The document has the rules of everybody.
  'GET /api/configuration': access('administrator', 'all'),
  'PUT /api/configuration': access('administrator', 'all'),
  'GET /api/configuration/revisions': access('administrator', 'all'),
  'GET /api/configuration/revisions/:revision': access('administrator', 'all'),
  'GET /api/configuration/diff': access('administrator', 'all'),
  'POST /api/configuration/validate': access('administrator', 'all'),
  'POST /api/configuration/rollback': access('administrator', 'all'),
  'POST /api/configuration/dry-run': access('administrator', 'all'),

  'GET /api/explain': access('reader', 'own'),
  // Of an instance that is only described every rule is told, whosever it is.
  'POST /api/explain': access('reader', 'all'),

  'GET /dicom-web/studies': access('reader', 'own'),
  'GET /dicom-web/series': access('reader', 'own'),
  'GET /dicom-web/instances': access('reader', 'own'),
  'GET /dicom-web/studies/:study': access('reader', 'own'),
  'GET /dicom-web/studies/:study/metadata': access('reader', 'own'),
  'GET /dicom-web/studies/:study/series': access('reader', 'own'),
  'GET /dicom-web/studies/:study/instances': access('reader', 'own'),
  'GET /dicom-web/studies/:study/series/:series': access('reader', 'own'),
  'GET /dicom-web/studies/:study/series/:series/metadata': access('reader', 'own'),
  'GET /dicom-web/studies/:study/series/:series/instances': access('reader', 'own'),
  'GET /dicom-web/studies/:study/series/:series/instances/:instance': access('reader', 'own'),
  'GET /dicom-web/studies/:study/series/:series/instances/:instance/metadata': access('reader', 'own'),

  'GET /api/commitments': access('reader', 'own'),
  'GET /api/commitments/:id': access('reader', 'own'),
  'POST /api/commitments/:id/retry': access('operator', 'own'),
  'GET /api/associations': access('reader', 'own'),
  'GET /api/associations/:id': access('reader', 'own'),
};

/** Throws where a route is registered that the table does not have: before anything listens. */
export function assertEveryRouteListed(app: FastifyInstance): void {
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat())
      if (accessOf(one, url) === undefined) throw new Error(`${one} ${url} is not in ROUTE_ACCESS: who may use it?`);
  });
}

/** After the user is known. Throws 403: the role is not enough, or the route needs all facilities. */
export function assertAllowed({ method, routeOptions, user }: FastifyRequest): void {
  const wanted = accessOf(method, routeOptions.url);
  if (wanted?.who === 'anyone') return;
  if (wanted === undefined || user === undefined) throw new HttpProblem(403, NOT_LISTED);
  if (ROLES.indexOf(user.role) < ROLES.indexOf(wanted.who)) throw roleNotEnough(wanted.who, user);
  if (wanted.facilities === 'all' && !user.allFacilities) throw notAllFacilities();
}

const accessOf = (method: string, url: string | undefined): RouteAccess | undefined =>
  ROUTE_ACCESS[`${method === 'HEAD' ? 'GET' : method} ${url}`];

/** Whose work the request may see and act on. */
export function requestScope({ user }: Pick<FastifyRequest, 'user'>): FacilityScope {
  if (user === undefined) return [];
  return user.allFacilities ? 'all' : user.facilities;
}

/** Whether it is within the scope what concerns these facilities. */
export const concerns = (scope: FacilityScope, facilities: Iterable<string | undefined>): boolean =>
  scope === 'all' || [...facilities].some((id) => id !== undefined && scope.includes(id));

/** Those of the user's own. */
export const ownOf = (scope: FacilityScope, facilities: readonly string[]): string[] =>
  facilities.filter((id) => scope === 'all' || scope.includes(id));

const NOT_LISTED = {
  error: 'not-allowed',
  detail: 'Nobody may use this address.',
  whatToDo: 'Report it: it is not in the table of routes.',
};

const roleNotEnough = (needed: Role, { name, role }: User): HttpProblem =>
  new HttpProblem(403, {
    error: 'role-not-enough',
    detail: `This needs the role ${needed}; ${name} is ${role}.`,
    whatToDo: 'Ask an administrator to do it, or for the role.',
  });

const notAllFacilities = (): HttpProblem =>
  new HttpProblem(403, {
    error: 'all-facilities-needed',
    detail: 'This is about every facility, and yours are some of them.',
    whatToDo: 'Ask somebody who has all facilities.',
  });
