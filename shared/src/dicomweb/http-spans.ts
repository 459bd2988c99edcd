// The span of one DICOMweb request, by OpenTelemetry's conventions for HTTP clients. Paths name studies and instances by UID: the span has their template only.
import type { Dispatcher } from 'undici';
import { type Context, inSpan, linksTo, SpanKind } from '../spans.ts';

/** Words of DICOMweb paths (PS3.18 section 8.2); what stands between them is a UID or a number. */
const WORDS: Readonly<Record<string, string>> = {
  studies: 'study',
  series: 'series',
  instances: 'instance',
  frames: 'frame',
  metadata: '',
  rendered: '',
};

/** `/studies/{study}/series/{series}` of `/studies/1.2/series/3.4`. */
export function templateOf(path: string): string {
  let before = '';
  return path
    .split('/')
    .map((segment) => {
      const shown = segment === '' || Object.hasOwn(WORDS, segment) ? segment : `{${WORDS[before] || 'id'}}`;
      before = segment;
      return shown;
    })
    .join('/');
}

export interface TracedRequest {
  readonly method: string;
  readonly path: string;
  /** Of whom it is sent: the first is its parent, the others are linked [what is under way]. */
  readonly traces?: readonly (Context | undefined)[] | undefined;
}

/** Until the head of the answer. */
export function inHttpSpan(
  { method, path, traces = [] }: TracedRequest,
  base: URL,
  send: () => Promise<Dispatcher.ResponseData>,
): Promise<Dispatcher.ResponseData> {
  const template = templateOf(path);
  const [parent, ...others] = traces.filter((trace) => trace !== undefined);
  const attributes = {
    'http.request.method': method,
    'url.template': template,
    'server.address': base.hostname,
    'server.port': Number(base.port) || (base.protocol === 'https:' ? 443 : 80),
  };
  const plan = {
    name: `${method} ${template}`,
    kind: SpanKind.CLIENT,
    attributes,
    links: others.flatMap(linksTo),
    ...(parent && { parent }),
  };
  return inSpan(plan, async (span) => {
    const response = await send();
    span.set({ 'http.response.status_code': response.statusCode });
    if (response.statusCode >= 400) span.fail(String(response.statusCode));
    return response;
  });
}
