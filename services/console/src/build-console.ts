// The console's HTTP application: page, API, health. Building it listens to nothing.
import path from 'node:path';
import cookie from '@fastify/cookie';
import fastifyStatic from '@fastify/static';
import Fastify, { type FastifyInstance } from 'fastify';
import { apiTokenRoutes } from './api-token-routes.ts';
import { associationRoutes } from './association-routes.ts';
import { BearerTokens } from './bearer-tokens.ts';
import { commitmentRoutes } from './commitment-routes.ts';
import { configurationRoutes } from './configuration-routes.ts';
import type { ConsoleParts } from './console-parts.ts';
import { deliveryRoutes } from './delivery-routes.ts';
import { dicomwebRoutes } from './dicomweb/dicomweb-routes.ts';
import { explainRoutes } from './explain-routes.ts';
import { gatewayRoutes } from './gateway-routes.ts';
import { healthRoutes } from './health.ts';
import { answerProblem, notFound } from './http-problem.ts';
import { reconciliationRoutes } from './reconciliation-routes.ts';
import { inRequestSpan } from './request-span.ts';
import { retrievalRoutes } from './retrieval-routes.ts';
import { assertAllowed, assertEveryRouteListed } from './route-access.ts';
import { requireUser, sessionRoutes } from './sessions.ts';
import { statusRoutes } from './status-routes.ts';
import { studyRoutes } from './study-routes.ts';
import { userRoutes } from './user-routes.ts';
import { waitingWorkRoutes } from './waiting-work-routes.ts';

/** A gateway document for 1,000 facilities has 1 MB. */
const MAX_BODY_BYTES = 8 * 1024 ** 2;
/** The whole request must have come by then: nobody uploads here. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the page's refresh, so that it keeps its connection. */
const KEEP_ALIVE_MS = 15_000;

/** Nothing inline, nothing from elsewhere, in nobody's frame. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

export async function buildConsole(parts: ConsoleParts): Promise<FastifyInstance> {
  const app = Fastify({
    // Fastify would log addresses, and a search in an address may be a patient's name.
    logger: false,
    trustProxy: parts.trustedProxies?.length ? [...parts.trustedProxies] : false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  });
  assertEveryRouteListed(app);
  app.setErrorHandler(answerProblem(parts.log));
  app.setNotFoundHandler(() => {
    throw notFound('This address');
  });
  app.addHook('onRequest', inRequestSpan);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (/^\/(api|dicom-web)\b/.test(request.url)) reply.header('cache-control', 'no-store');
  });
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Clients that always name JSON send nothing with a request that needs no body.
    if (body === '') done(null, undefined);
    else parseJson(request, body as string, done);
  });
  await app.register(cookie);
  await app.register(fastifyStatic, { root: path.join(import.meta.dirname, 'page'), cacheControl: false, index: 'index.html' });
  await app.register(async (api) => {
    const tokens = new BearerTokens(parts);
    api.addHook('onRequest', async (request) => {
      await requireUser(parts, tokens, request);
      assertAllowed(request);
    });
    for (const routes of [
      sessionRoutes,
      apiTokenRoutes,
      userRoutes,
      gatewayRoutes,
      statusRoutes,
      studyRoutes,
      waitingWorkRoutes,
      deliveryRoutes,
      retrievalRoutes,
      reconciliationRoutes,
      configurationRoutes,
      explainRoutes,
      commitmentRoutes,
      associationRoutes,
      dicomwebRoutes,
    ])
      routes(api, parts);
  });
  healthRoutes(app, parts);
  return app;
}
