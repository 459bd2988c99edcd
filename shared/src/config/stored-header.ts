// The header of an instance as the ledger keeps it, read under the names of a document that may ask for more than was read at receipt.
import { HEADER_ATTRIBUTES } from '../events/header-attributes.ts';
import type { AssociationFacts } from '../events/instance.ts';
import { attributePath } from './attribute-path.ts';
import type { GatewayDocument } from './gateway-document.ts';
import { attributesOfRules } from './rule-condition.ts';

export interface StoredHeader {
  readonly association: AssociationFacts;
  readonly sopClassUid: string;
  readonly studyInstanceUid?: string;
  /** By the names of the document that held at receipt; what the data set does not have is absent. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Tag paths that were read for certain, beside those of HEADER_ATTRIBUTES: absent ones are absent in the data set. */
  readonly readPaths: ReadonlySet<string>;
}

export interface HeaderForDocument {
  readonly attributes: Readonly<Record<string, string>>;
  /** Names of the document that were asked for and that the ledger does not know of: what was decided then is a guess. Grows while deciding. */
  readonly missed: ReadonlySet<string>;
}

const ALWAYS_READ: ReadonlySet<string> = new Set(Object.values(HEADER_ATTRIBUTES));
const EMPTY: ReadonlySet<string> = new Set();

/** Whether rules of the document ask for attributes that are not read of every instance. */
export const asksForMore = (document: GatewayDocument): boolean =>
  [...attributesOfRules(document).values()].some((path) => !ALWAYS_READ.has(path));

type Stored = Pick<StoredHeader, 'attributes' | 'readPaths'>;

/** A function that reads headers under the names of the document's rules. */
export function headerReaderFor(document: GatewayDocument): (header: Stored) => HeaderForDocument {
  const names = [...attributesOfRules(document)].filter(([name]) => !Object.hasOwn(HEADER_ATTRIBUTES, name));
  if (names.length === 0) return ({ attributes }) => ({ attributes, missed: EMPTY });
  const pathOf = rememberedPaths();
  return ({ attributes: stored, readPaths }) => {
    const byPath = new Map(Object.entries(stored).map(([name, value]) => [pathOf(name), value]));
    const attributes = { ...stored };
    const missed = new Set<string>();
    for (const [name, path] of names) {
      const value = byPath.get(path);
      if (value !== undefined) attributes[name] = value;
      else if (!ALWAYS_READ.has(path) && !readPaths.has(path)) noteWhenAsked(attributes, name, missed);
    }
    return { attributes, missed };
  };
}

/** Only a rule that really asks for the attribute makes the decision uncertain. */
function noteWhenAsked(attributes: Record<string, string>, name: string, missed: Set<string>): void {
  Object.defineProperty(attributes, name, {
    enumerable: false,
    get: () => {
      missed.add(name);
      return undefined;
    },
  });
}

function rememberedPaths(): (name: string) => string | undefined {
  const paths = new Map<string, string | undefined>();
  return (name) => {
    if (!paths.has(name)) paths.set(name, attributePath(name));
    return paths.get(name);
  };
}
