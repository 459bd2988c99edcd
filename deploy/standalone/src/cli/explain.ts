// `explain`: why a study or an instance went where it went, or where a file would go if it were sent now.
import { existsSync } from 'node:fs';
import { type GatewayDocument, parseGatewayDocument, readGatewayDocument } from '@causeway/shared/config/gateway-document';
import { type Call, type CliParts, type Command, Refused, TEXT, textOf, UsageProblem } from './command.ts';
import { checkDocument, readDocumentText } from './document-file.ts';
import { type ExplanationAnswer, printExplanation } from './print-explanation.ts';
import { readHeader } from './read-header.ts';

const RECEIPT = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const PRIORITIES = ['low', 'medium', 'high'];
/** Only a file has these. */
const OF_FILES = ['calling', 'called', 'source', 'tls-subject', 'priority', 'document'];

async function explain(call: Call, parts: CliParts): Promise<boolean> {
  const what = call.words[0]!;
  const isFile = existsSync(parts.pathOf(what));
  if (!isFile && (what.includes('/') || what.endsWith('.dcm'))) throw new Refused(`${what} is not there.`);
  const misplaced = OF_FILES.find((name) => !isFile && call.options[name] !== undefined);
  if (misplaced !== undefined) throw new UsageProblem(`--${misplaced} is for a file; ${what} was received already`);
  const answer = isFile ? await explainFile(call, parts) : await explainReceived(what, parts);
  parts.output.show(answer, () => printExplanation(answer));
  return true;
}

const explainReceived = (what: string, { api }: CliParts): Promise<ExplanationAnswer> =>
  api.get(`/api/explain?${RECEIPT.test(what) ? 'receipt' : 'study'}=${encodeURIComponent(what)}`);

/** As if `npm run send` had brought it, unless options say otherwise. */
async function explainFile(call: Call, parts: CliParts): Promise<ExplanationAnswer> {
  const draft = await readDraft(call, parts);
  const { sopClassUid, attributes } = await readHeader(parts.pathOf(call.words[0]!), draft?.document ?? (await documentInForce(parts)));
  const priority = textOf(call, 'priority');
  if (priority !== undefined && !PRIORITIES.includes(priority))
    throw new UsageProblem(`--priority ${priority}: one of ${PRIORITIES.join(', ')} is needed`);
  const tlsSubject = textOf(call, 'tls-subject');
  const association = {
    callingAe: textOf(call, 'calling') ?? 'CAUSEWAY_SEND',
    calledAe: textOf(call, 'called') ?? 'GATEWAY',
    source: textOf(call, 'source') ?? '127.0.0.1',
    ...(tlsSubject === undefined ? {} : { tlsSubject }),
    ...(priority === undefined ? {} : { priority }),
  };
  const { callingAe, calledAe, source } = association;
  parts.output.say(`${call.words[0]}, as if ${callingAe} at ${source} sent it to ${calledAe}:`);
  return parts.api.post('/api/explain', { association, attributes, sopClassUid, ...(draft === undefined ? {} : { document: draft.text }) });
}

async function readDraft(call: Call, parts: CliParts): Promise<{ text: string; document: GatewayDocument } | undefined> {
  const file = textOf(call, 'document');
  if (file === undefined) return undefined;
  const text = await readDocumentText(file, parts);
  checkDocument(text);
  return { text, document: parseGatewayDocument(readGatewayDocument(text)) };
}

/** Its rules say which attributes are read. */
async function documentInForce({ api }: CliParts): Promise<GatewayDocument> {
  const { document } = await api.get<{ document: unknown }>('/api/configuration');
  if (document === null) throw new Refused('There is no gateway document yet.');
  return parseGatewayDocument(document);
}

export const explainCommands: readonly Command[] = [
  {
    name: 'explain',
    takes: 'STUDY | RECEIPT | FILE.dcm [--calling AE] [--called AE] [--source ADDRESS] [--priority high] [--document DRAFT]',
    help: 'each rule that was tried for a study or instance that was received, or for a file as if it were sent now, and why it applied or not\nonly for a file:\n--calling CAUSEWAY_SEND  --called GATEWAY  --source 127.0.0.1: the association that would bring it\n--tls-subject TEXT  --priority low|medium|high: what else rules may ask for\n--document: by this draft instead of the document in force',
    options: { calling: TEXT, called: TEXT, source: TEXT, 'tls-subject': TEXT, priority: TEXT, document: TEXT },
    words: [1, 1],
    run: explain,
  },
];
