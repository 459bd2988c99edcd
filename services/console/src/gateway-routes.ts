// What the page tells an operator about the gateway itself: how to send to it, and which facilities there are.
import type { FastifyInstance } from 'fastify';
import type { ConsoleParts } from './console-parts.ts';
import { concerns, requestScope } from './route-access.ts';

export function gatewayRoutes(app: FastifyInstance, { revision, dicomPort }: ConsoleParts): void {
  app.get('/api/gateway', async (request) => {
    const scope = requestScope(request);
    const document = revision()?.document;
    if (!document) return { aeTitles: [], listeners: [], facilities: [], sources: [] };
    const configured = document.listeners.map(({ id, port, tls, proxyProtocol }) => ({
      ...{ id, port: port ?? dicomPort, tls: tls !== undefined, proxyProtocol },
      clientCert: tls?.clientCert ?? 'none',
    }));
    const plain = { id: 'default', port: dicomPort, tls: false, proxyProtocol: false, clientCert: 'none' };
    return {
      aeTitles: document.gateway.calledAeTitles.filter((title) => title !== '*'),
      listeners: configured.length > 0 ? configured : [plain],
      facilities: document.facilities.filter(({ id }) => concerns(scope, [id])).map(({ id, name, model }) => ({ id, name, model })),
      // Only who has all facilities may fetch.
      sources: scope === 'all' ? document.retrieval.sources.map(({ id }) => id) : [],
    };
  });
}
