// `config history` and `config show`: the revisions of the gateway document.
import { gatewayDocumentText } from '@causeway/shared/config/gateway-document';
import { type Call, type CliParts, type Command, Refused, UsageProblem } from './command.ts';
import { printTable } from './print-table.ts';
import { moment } from './wording.ts';

interface Revision {
  readonly revision: number;
  readonly author: string;
  readonly at: string;
  readonly comment: string;
  readonly origin: string;
}

async function history(_call: Call, { api, output }: CliParts): Promise<boolean> {
  const answer = await api.get<{ revisions: Revision[] }>('/api/configuration/revisions');
  const columns = [
    { title: 'revision', value: ({ revision }: Revision) => revision },
    { title: 'when', value: ({ at }: Revision) => moment(at) },
    { title: 'who', value: ({ author }: Revision) => author },
    { title: 'by', value: ({ origin }: Revision) => origin },
    { title: 'comment', value: ({ comment }: Revision) => comment },
  ];
  output.show(answer, () => printTable(columns, answer.revisions, 'There is no revision yet.'));
  return true;
}

/** As YAML, so that it can be changed and applied again. */
async function show({ words }: Call, { api, output }: CliParts): Promise<boolean> {
  const [number] = words;
  if (number !== undefined && !/^[1-9]\d{0,8}$/.test(number)) throw new UsageProblem(`${number} is no number of a revision`);
  const answer = await api.get<Partial<Revision> & { document: unknown }>(
    number === undefined ? '/api/configuration' : `/api/configuration/revisions/${number}`,
  );
  if (answer.document === null) throw new Refused('There is no gateway document yet.');
  const { revision, author, at, comment } = answer;
  const heading = `# revision ${revision}, ${moment(at)}, ${author}${comment ? `: ${comment}` : ''}`.replace(/[\r\n]+/g, ' ');
  output.show(answer, () => `${heading}\n${gatewayDocumentText(answer.document)}`.trimEnd());
  return true;
}

export const configHistoryCommands: readonly Command[] = [
  { name: 'config history', takes: '', help: 'the revisions, newest first: when, who, why', words: [0, 0], run: history },
  { name: 'config show', takes: '[N]', help: 'the document of a revision [the newest] as YAML', words: [0, 1], run: show },
];
