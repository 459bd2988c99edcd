// Gateway documents as text, and the one that holds when no file is given.
import { parseDocument, stringify } from 'yaml';
import { GatewayDocumentError } from './document-problems.ts';

/** A document for 1,000 facilities has about 1 MB. */
const MOST_CHARACTERS = 8 * 1024 ** 2;
/** Aliases multiply: each use of one counts as many as it unfolds to. */
const MOST_ALIASES = 1000;

/**
 * Reads YAML 1.2 or JSON; what it returns goes to parseGatewayDocument (and, once that took it, to publishGatewayDocument).
 * Throws a GatewayDocumentError that names line and column; it never repeats the text, which may hold a secret by mistake.
 */
export function readGatewayDocument(text: string): unknown {
  if (text.length > MOST_CHARACTERS) throw whole(`has ${text.length} characters: at most ${MOST_CHARACTERS} are read`);
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: true, merge: false });
  if (document.errors.length > 0)
    throw new GatewayDocumentError(
      document.errors.map((error) => ({
        path: '',
        value: undefined,
        problem: `is not YAML at ${place(text, error.pos[0])} (${error.code})`,
      })),
    );
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    throw whole(`cannot be unfolded: ${error instanceof ReferenceError ? 'it has too many or unknown aliases' : 'it is not plain data'}`);
  }
}

/** As YAML, so that readGatewayDocument reads the same again. */
export const gatewayDocumentText = (source: unknown): string => stringify(source, { lineWidth: 140 });

/** The document when no file is given, as it would be written: one standard facility for everything, sent to the sandbox archive. */
export function defaultGatewayDocument(sandboxUrl: string): Record<string, unknown> {
  return {
    facilities: [{ id: 'main', name: 'Main', match: [{}], destinations: ['sandbox'] }],
    destinations: [{ id: 'sandbox', kind: 'stow', url: sandboxUrl, images: 'compressed' }],
    // biome-ignore lint/suspicious/noThenProperty: `then` is the document's word, and never a function
    compression: [{ when: {}, then: { syntax: 'htj2k-lossless' } }],
  };
}

const whole = (problem: string): GatewayDocumentError => new GatewayDocumentError([{ path: '', value: undefined, problem }]);

function place(text: string, position: number): string {
  const before = text.slice(0, position).split('\n');
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}
