// Fields of the gateway document that are checked and kept, but that this version does not act on. CONFORMANCE.md lists the same; a test compares.
import type { GatewayDocument } from './gateway-document.ts';

type Document = Pick<GatewayDocument, 'compression'> & Pick<GatewayDocument, 'retrieval' | 'notifications'>;

const BUILT_SYNTAXES = new Set(['unchanged', 'htj2k-lossless', 'jpeg2000-lossless']);

/** Field to whether a document says something there. The defaults say nothing. */
export const NOT_ACTED_ON: Readonly<Record<string, (document: Document) => boolean>> = {
  'compression.then.syntax': ({ compression }) => compression.some(({ then }) => !BUILT_SYNTAXES.has(then.syntax)),
  'retrieval.sources.priors': ({ retrieval }) => retrieval.sources.some(({ priors }) => priors !== undefined),
  'retrieval.front': ({ retrieval }) => retrieval.front !== undefined,
  notifications: ({ notifications }) => notifications.length > 0,
};

/** The fields that the document sets in vain: to be told to whoever applies it. */
export const fieldsNotActedOn = (document: Document): string[] =>
  Object.entries(NOT_ACTED_ON).flatMap(([field, isSet]) => (isSet(document) ? [field] : []));
