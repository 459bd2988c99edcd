// `config apply` and `config rollback`: another gateway document is put in force, as a new revision.
import { assertWanted, type Call, type CliParts, type Command, FLAG, Refused, TEXT, textOf, UsageProblem } from './command.ts';
import { readDifference, validateDocument } from './config-check.ts';
import { readDocumentText } from './document-file.ts';
import { printChanges, printRemarks, type Remarks } from './print-changes.ts';

interface Applied extends Remarks {
  readonly revision: number;
}

/** What was shown is what is applied: refused when somebody applied another revision meanwhile. */
async function apply(call: Call, parts: CliParts): Promise<boolean> {
  const document = await readDocumentText(call.words[0]!, parts);
  const { revision: basedOn = 0 } = await parts.api.get<{ revision?: number }>('/api/configuration');
  const validation = await validateDocument(parts, document);
  const remarks = printRemarks(validation);
  if (remarks !== undefined) parts.output.say(remarks);
  parts.output.say(printChanges(validation.changes));
  if (validation.changes.length === 0) {
    parts.output.show({ revision: basedOn, ...validation }, () => `Nothing was applied: revision ${basedOn} says the same.`);
    return true;
  }
  await assertWanted(call, parts, `Apply to ${parts.api.url}?`);
  const applied = await parts.api.put<Applied>('/api/configuration', { document, comment: textOf(call, 'comment') ?? '', basedOn });
  parts.output.show(applied, () => `Revision ${applied.revision} is applied. Back: npm run causeway -- config rollback ${basedOn}`);
  return true;
}

async function rollback(call: Call, parts: CliParts): Promise<boolean> {
  const revision = Number(call.words[0]);
  if (!Number.isSafeInteger(revision) || revision < 1) throw new UsageProblem(`${call.words[0]} is no number of a revision`);
  const { revision: newest } = await parts.api.get<{ revision?: number }>('/api/configuration');
  if (newest === undefined) throw new Refused('There is no revision yet.');
  const comment = textOf(call, 'comment');
  const applied = await parts.api.post<Applied>('/api/configuration/rollback', { revision, ...(comment === undefined ? {} : { comment }) });
  const { changes } = await readDifference(parts, newest, applied.revision);
  parts.output.show(applied, () => {
    const said = `The document of revision ${revision} is in force again, as revision ${applied.revision}.`;
    return [printRemarks(applied), printChanges(changes), said].filter(Boolean).join('\n');
  });
  return true;
}

export const configApplyCommands: readonly Command[] = [
  {
    name: 'config apply',
    takes: 'FILE [--comment TEXT] [--yes]',
    help: 'shows warnings and changes, asks, and puts the document in force as a new revision\n--yes: without asking; needed where there is no terminal',
    options: { comment: TEXT, yes: FLAG },
    words: [1, 1],
    run: apply,
  },
  {
    name: 'config rollback',
    takes: 'N [--comment TEXT]',
    help: 'puts the document of revision N in force again, at once, as a new revision',
    options: { comment: TEXT },
    words: [1, 1],
    run: rollback,
  },
];
