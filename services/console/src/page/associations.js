// The negotiation record: associations as they ended, rejected requests, and connections that never became an association.
import { get } from './api.js';
import { chip, element, empty, syncRows, table } from './elements.js';
import { bytes, moment, plural } from './format.js';
import { facts, unfolding } from './unfold.js';

const COLUMNS = [
  { name: 'Peer' },
  { name: 'AE titles' },
  { name: 'Outcome' },
  { name: 'Instances', class: 'number' },
  { name: 'Size', class: 'number' },
  { name: 'Ended' },
];
const OUTCOMES = {
  released: ['ok', 'released'],
  'aborted-by-peer': ['wait', 'aborted by the peer'],
  'aborted-by-us': ['bad', 'aborted by us'],
  'connection-lost': ['wait', 'connection lost'],
  'timed-out': ['wait', 'timed out'],
  rejected: ['bad', 'rejected'],
  'no-association': ['bad', 'no association'],
};
/** PS3.8 table 9-18. */
const RESULTS = ['accepted', 'refused by us', 'refused', 'abstract syntax not supported', 'transfer syntaxes not supported'];
const PAGE = 100;
const MOST = 500;
const SEARCH_AFTER_MS = 250;

export function associationsView({ refresh }) {
  const body = element('tbody');
  const place = element('div');
  const list = table(COLUMNS, body, 'Associations');
  const more = element('button', { type: 'button', class: 'more', hidden: true }, 'Show more');
  const field = (label) =>
    element('input', { type: 'search', placeholder: label, 'aria-label': label, maxlength: 64, spellcheck: 'false', autocomplete: 'off' });
  const [source, aeTitle] = [field('Peer address'), field('AE title')];
  const outcomes = Object.entries(OUTCOMES).map(([value, [, text]]) => element('option', { value }, text));
  const outcome = element('select', { 'aria-label': 'Outcome' }, element('option', { value: '' }, 'any outcome'), ...outcomes);
  const unfold = unfolding({ columns: COLUMNS.length, render: async (id) => associationDetail(await get(`/api/associations/${id}`)) });
  let limit = PAGE;
  let timer;
  const ask = () => {
    clearTimeout(timer);
    limit = PAGE;
    timer = setTimeout(refresh, SEARCH_AFTER_MS);
  };
  for (const input of [source, aeTitle]) input.addEventListener('input', ask);
  outcome.addEventListener('change', ask);
  more.addEventListener('click', () => {
    limit = Math.min(limit + PAGE, MOST);
    refresh();
  });
  const filters = element('div', { class: 'filters' }, source, aeTitle, outcome);
  const root = element('div', {}, element('div', { class: 'view-head' }, element('h1', {}, 'Associations'), filters), place, more);

  async function update() {
    const query = new URLSearchParams({ limit: String(limit) });
    const asked = { source: source.value.trim(), aeTitle: aeTitle.value.trim(), outcome: outcome.value };
    for (const [name, value] of Object.entries(asked)) if (value !== '') query.set(name, value);
    const { associations } = await get(`/api/associations?${query}`);
    more.hidden = associations.length < limit || limit >= MOST;
    if (associations.length === 0) return place.replaceChildren(nothing(asked));
    if (!list.isConnected) place.replaceChildren(list);
    syncRows(body, associations, { keyOf: ({ id }) => id, render: (association) => associationRow(association, unfold) });
    await unfold.refresh(body);
  }
  return { root, update };
}

const nothing = (asked) =>
  Object.values(asked).some((value) => value !== '')
    ? empty('No association found', 'Address, AE title and outcome are compared as a whole.')
    : empty(
        'No association yet',
        'Each association is listed here when it has ended; so are rejected requests and connections that were none.',
      );

function associationRow(association, unfold) {
  const { source, listener, callingAe, calledAe, outcome, event, detail, count, instances, dataSetBytes, endedAt } = association;
  const [kind, text] = OUTCOMES[outcome] ?? ['', outcome];
  const row = element(
    'tr',
    { class: 'row' },
    element(
      'td',
      {},
      unfold.button(source, () => row),
      element('span', { class: 'sub' }, listener ?? ''),
    ),
    element('td', {}, callingAe === null ? '–' : `${callingAe || '(none)'} → ${calledAe || '(none)'}`),
    element(
      'td',
      { class: 'reason' },
      element(
        'div',
        { class: 'chips' },
        chip(kind, event === null ? text : event.replaceAll('-', ' ')),
        count > 1 && chip('', `${count} times`),
      ),
      outcome !== 'released' && element('span', { class: 'sub' }, detail),
    ),
    element('td', { class: 'number' }, String(instances)),
    element('td', { class: 'number' }, dataSetBytes === 0 ? '–' : bytes(dataSetBytes)),
    element('td', { class: 'time', title: new Date(endedAt).toLocaleString() }, moment(endedAt)),
  );
  return row;
}

function associationDetail(association) {
  const { implementation, tls, maxPduBytes, reject, contexts, balancer } = association;
  const limit = (most) => (most === 0 ? 'no limit' : `${most} bytes`);
  const rows = [
    ['Began', `${moment(association.startedAt)} (${seconds(association)})`],
    ['How it ended', association.detail],
    reject && ['Rejected with', `result ${reject.result}, source ${reject.source}, reason ${reject.reason}`],
    implementation && ['Implementation', [implementation.versionName, implementation.classUid].filter(Boolean).join(' · ') || '–'],
    tls && ['TLS', [tls.protocol, tls.subject ?? 'no client certificate'].filter(Boolean).join(' · ')],
    balancer && ['Through', balancer],
    maxPduBytes && ['PDU length, peer', limit(maxPduBytes.peer)],
    maxPduBytes?.ours !== undefined && ['PDU length, ours', limit(maxPduBytes.ours)],
    ...Object.entries(association.responses).map(([kind, count]) => [kind, plural(count, 'response')]),
  ];
  const shown = [facts(rows.filter(Boolean))];
  if (contexts.length > 0) shown.push(contextTable(contexts));
  return shown;
}

const seconds = ({ startedAt, endedAt, count }) =>
  count > 1 ? `${count} of them until ${moment(endedAt)}` : `${((new Date(endedAt) - new Date(startedAt)) / 1000).toFixed(1)} s`;

function contextTable(contexts) {
  const names = ['Context', 'Abstract syntax', 'Proposed transfer syntaxes', 'Answer'];
  const head = names.map((name, at) => element('th', { scope: 'col', class: at === 0 ? 'number' : undefined }, name));
  const rows = contexts.map(({ id, abstractSyntaxUid, transferSyntaxUids, moreSyntaxes = 0, result, chosen }) =>
    element(
      'tr',
      {},
      element('td', { class: 'number' }, String(id)),
      element('td', {}, abstractSyntaxUid || '–'),
      element('td', { class: 'reason' }, [...transferSyntaxUids, ...(moreSyntaxes > 0 ? [`${moreSyntaxes} more`] : [])].join(', ')),
      element('td', {}, result === undefined ? '–' : result === 0 ? chosen : `${result}: ${RESULTS[result] ?? 'refused'}`),
    ),
  );
  return element(
    'table',
    { 'aria-label': 'Presentation contexts' },
    element('thead', {}, element('tr', {}, ...head)),
    element('tbody', {}, ...rows),
  );
}
