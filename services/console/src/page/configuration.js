// The gateway document, for administrators: read, changed, checked, rehearsed on what was received, applied; its revisions, what each changed, and the way back.
import { ask, get, post } from './api.js';
import { rehearsalLines, remarkLines } from './configuration-findings.js';
import { askInDialog, element, syncRows, table } from './elements.js';
import { moment } from './format.js';
import { unfolding } from './unfold.js';

const COLUMNS = [{ name: 'Revision' }, { name: 'Applied' }, { name: 'By' }, { name: 'Comment' }, { name: '' }];

export function configurationView(tools) {
  const draft = draftEditor(tools);
  const history = revisionList(tools, draft);
  const root = element('div', {}, element('div', { class: 'view-head' }, element('h1', {}, 'Configuration')), draft.root, history.root);
  async function update() {
    const { revisions } = await get('/api/configuration/revisions');
    await draft.newest(revisions[0]);
    await history.show(revisions);
  }
  return { root, update };
}

/** The document as text. What somebody has typed stays until it is applied or thrown away, whatever others apply meanwhile. */
function draftEditor({ act }) {
  const text = element('textarea', { class: 'document', rows: 24, spellcheck: 'false', wrap: 'off', 'aria-label': 'Gateway document' });
  const state = element('p', { class: 'hint', role: 'status' });
  const findings = element('div', { class: 'findings', 'aria-live': 'polite', hidden: true });
  const buttons = {
    check: element('button', { type: 'button' }, 'Check'),
    rehearse: element('button', { type: 'button' }, 'Rehearse'),
    apply: element('button', { type: 'button', class: 'primary' }, 'Apply…'),
    undo: element('button', { type: 'button' }, 'Throw away'),
  };
  /** Whose text it is, and of which revision; 0: there is none yet. */
  let based = { revision: undefined, text: '' };
  let latest;
  const isChanged = () => text.value !== based.text;

  function tell(lines) {
    findings.replaceChildren(...lines);
    findings.hidden = lines.length === 0;
  }
  function showState() {
    for (const button of Object.values(buttons)) button.disabled = !isChanged();
    const from =
      based.revision === latest?.revision
        ? `revision ${based.revision}`
        : `revision ${based.revision}, and ${latest?.revision} holds by now`;
    state.textContent = isChanged() ? `Changed, not applied; made from ${from}.` : `This is ${from}, which holds.`;
  }
  async function load(revision, isDraft = false) {
    const loaded = await get(`/api/configuration/revisions/${revision}`);
    if (!isDraft) based = { revision, text: loaded.text };
    text.value = loaded.text;
    tell([]);
    showState();
  }
  async function finding(work) {
    for (const button of Object.values(buttons)) button.disabled = true;
    tell([element('p', { class: 'quiet' }, 'One moment…')]);
    tell(await work().catch((error) => remarkLines.ofProblem(error)));
    showState();
  }
  text.addEventListener('input', showState);
  buttons.undo.addEventListener('click', () => load(latest.revision));
  buttons.check.addEventListener('click', () =>
    finding(async () => remarkLines.ofCheck(await post('/api/configuration/validate', { document: text.value }))),
  );
  buttons.rehearse.addEventListener('click', () =>
    finding(async () => rehearsalLines(await post('/api/configuration/dry-run', { document: text.value }))),
  );
  buttons.apply.addEventListener('click', () => finding(() => applyDraft({ act, text: text.value, based, applied: load })));
  const tools = element('div', { class: 'tools' }, ...Object.values(buttons));
  const root = element('div', { class: 'card stack editor' }, text, element('div', { class: 'editor-foot' }, state, tools), findings);
  return {
    root,
    /** Another revision as a draft to be applied. */
    open: (revision) => load(revision, true),
    /** Called with the revision that holds: it is shown unless something was typed. */
    newest: async (revision) => {
      latest = revision;
      if (revision && based.revision !== revision.revision && !isChanged()) await load(revision.revision);
      else showState();
    },
  };
}

/** Checked first: the dialog tells what would change. Resolves with what is to be said of it. */
async function applyDraft({ act, text, based, applied }) {
  const checked = await post('/api/configuration/validate', { document: text });
  const sure = await askInDialog({
    title: 'Apply this document?',
    content: [
      ...remarkLines.ofCheck(checked),
      element('label', {}, 'Comment ', element('input', { name: 'comment', maxlength: 500, placeholder: 'why', autocomplete: 'off' })),
    ],
    confirm: 'Apply',
    confirmed: (form) => new FormData(form).get('comment'),
  });
  if (sure === undefined) return remarkLines.ofCheck(checked);
  let refusal;
  let answer;
  const change = { document: text, comment: sure, basedOn: based.revision };
  await act(async () => {
    answer = await ask('PUT', '/api/configuration', change).catch((error) => {
      refusal = error;
      throw error;
    });
    await applied(answer.revision);
  }, 'Applied; it is in force in every service within two seconds');
  return refusal ? remarkLines.ofProblem(refusal) : [];
}

function revisionList({ act }, draft) {
  const body = element('tbody');
  /** Revision to the one before it. */
  let before = new Map();
  const unfold = unfolding({ columns: COLUMNS.length, render: (key) => changesOf(Number(key), before.get(Number(key))) });
  const root = element('section', { class: 'below' }, element('h2', {}, 'Revisions'), table(COLUMNS, body, 'Revisions'));
  async function show(revisions) {
    const holding = revisions[0]?.revision;
    before = new Map(revisions.map(({ revision }, at) => [revision, revisions[at + 1]?.revision]));
    const items = revisions.map((one) => ({ ...one, holds: one.revision === holding }));
    syncRows(body, items, { keyOf: ({ revision }) => String(revision), render: (one) => revisionRow(one, { unfold, act, draft }) });
    await unfold.refresh(body);
  }
  return { root, show };
}

function revisionRow({ revision, at, author, comment, holds }, { unfold, act, draft }) {
  const actions = holds
    ? [element('span', { class: 'quiet' }, 'holds')]
    : [
        element(
          'button',
          { type: 'button', onclick: () => act(() => draft.open(revision), `Revision ${revision} is in the editor`) },
          'Edit',
        ),
        element('button', { type: 'button', onclick: () => goBack(revision, act) }, 'Roll back…'),
      ];
  const row = element(
    'tr',
    { class: 'row' },
    element(
      'td',
      {},
      unfold.button(String(revision), () => row),
    ),
    element('td', { class: 'time', title: new Date(at).toLocaleString() }, moment(at)),
    element('td', {}, author),
    element('td', { class: 'reason' }, comment || '–'),
    element('td', { class: 'actions' }, ...actions),
  );
  return row;
}

async function changesOf(revision, from) {
  if (from === undefined) return [element('p', { class: 'quiet' }, 'No earlier one is listed.')];
  const { changes } = await get(`/api/configuration/diff?from=${from}&to=${revision}`);
  return remarkLines.ofChanges(changes);
}

async function goBack(revision, act) {
  const { changes } = await get(`/api/configuration/diff?from=${revision}`);
  const back = changes.map(({ path, kind, before, after }) => ({ path, kind: OPPOSITE[kind] ?? kind, before: after, after: before }));
  const sure = await askInDialog({
    title: `Back to revision ${revision}?`,
    content: [element('p', { class: 'quiet' }, 'It is applied again, as a new revision.'), ...remarkLines.ofChanges(back)],
    confirm: 'Roll back',
    confirmed: () => true,
  });
  if (sure) await act(() => post('/api/configuration/rollback', { revision }), `Revision ${revision} holds again`);
}

const OPPOSITE = { added: 'removed', removed: 'added' };
