// The span of a request that changes something, by OpenTelemetry's conventions for HTTP servers. The page's own questions, every two seconds, have none.
import { SpanKind, startSpan } from '@causeway/shared/spans';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/** onRequest hook: what follows runs inside of the span, which ends with the answer. The route is named as written in the code, with names of parameters. */
export function inRequestSpan(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
  const { method } = request;
  if (READING.has(method)) {
    done();
    return;
  }
  const route = request.routeOptions.url ?? 'unknown';
  const attributes = { 'http.request.method': method, 'http.route': route };
  const span = startSpan({ name: `${method} ${route}`, kind: SpanKind.SERVER, attributes });
  reply.raw.once('close', () => {
    span.set({ 'http.response.status_code': reply.statusCode });
    if (reply.statusCode >= 500) span.fail(String(reply.statusCode));
    span.end();
  });
  span.run(done);
}
