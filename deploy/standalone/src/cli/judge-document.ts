// The doctor's judgement of the gateway document in force: what is odd in it, and what it says in vain.
import { documentWarnings } from '@causeway/shared/config/document-warnings';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { fieldsNotActedOn } from '@causeway/shared/config/not-acted-on';
import { type Finding, failed, warning } from './finding.ts';

export interface StoredDocument {
  /** The newest revision; absent: there is none. */
  readonly revision?: number;
  /** What the services were told. */
  readonly published: number | null;
  readonly document: unknown;
}

const MOST_WARNINGS = 10;

export function judgeStoredDocument({ revision, published, document }: StoredDocument): Finding[] {
  if (revision === undefined) return [];
  const findings = oddities(document);
  if (published === revision) return findings;
  const whatToDo = 'It is published again by itself within seconds; if this stays, look at the log of the console.';
  return [failed(`revision ${revision} is applied, but ${published ?? 'none'} was published`, whatToDo), ...findings];
}

function oddities(source: unknown): Finding[] {
  const document = parseGatewayDocument(source);
  const [odd, vain] = [documentWarnings(document), fieldsNotActedOn(document)];
  const findings = odd
    .slice(0, MOST_WARNINGS)
    .map(({ path, warning: text }) => warning(`gateway document, ${path || 'as a whole'}: ${text}`, CHANGE));
  if (odd.length > MOST_WARNINGS)
    findings.push(warning(`gateway document: ${odd.length - MOST_WARNINGS} more warnings`, 'npm run causeway -- config validate FILE'));
  if (vain.length > 0) findings.push(warning(`gateway document: this version does not act on ${vain.join(', ')}`, CHANGE));
  return findings;
}

const CHANGE = 'npm run causeway -- config show > FILE, change it, config apply FILE';
