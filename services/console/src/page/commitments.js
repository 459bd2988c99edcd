// Storage commitment: what modalities asked for, what they were told, and what could not be told to them.
import { get, post } from './api.js';
import { chip, element, empty, syncRows, table } from './elements.js';
import { moment, plural } from './format.js';
import { facts, unfolding } from './unfold.js';

const COLUMNS = [
  { name: 'AE title' },
  { name: 'State' },
  { name: 'References', class: 'number' },
  { name: 'Committed', class: 'number' },
  { name: 'Failed', class: 'number' },
  { name: 'Requested' },
  { name: '' },
];
const STATES = {
  open: ['wait', 'not decided yet'],
  decided: ['wait', 'being told'],
  reported: ['ok', 'told'],
  undeliverable: ['bad', 'undeliverable'],
  joined: ['', 'repeat of another'],
};
/** PS3.3 section C.14.1.1. */
const REASONS = {
  272: 'processing failure',
  274: 'no such object instance',
  281: 'class / instance conflict',
  290: 'SOP class not supported',
  305: 'duplicate transaction UID',
  531: 'resource limitation',
};

export function commitmentsView({ act }) {
  const body = element('tbody');
  const place = element('div');
  const list = table(COLUMNS, body, 'Storage commitment');
  const unfold = unfolding({ columns: COLUMNS.length, render: async (id) => commitmentDetail(await get(`/api/commitments/${id}`)) });
  const root = element('div', {}, element('div', { class: 'view-head' }, element('h1', {}, 'Storage commitment')), place);
  async function update() {
    const { commitments } = await get('/api/commitments');
    if (commitments.length === 0)
      return place.replaceChildren(empty('No request yet', 'What modalities ask the gateway to commit to is listed here.'));
    if (!list.isConnected) place.replaceChildren(list);
    syncRows(body, commitments, { keyOf: ({ id }) => id, render: (commitment) => commitmentRow(commitment, { act, unfold }) });
    await unfold.refresh(body);
  }
  return { root, update };
}

function commitmentRow(commitment, { act, unfold }) {
  const { id, callingAe, source, state, reason, references, committed, failed, requestedAt, duplicate, attempts } = commitment;
  const [kind, text] = STATES[state] ?? ['', state];
  const retry = () => act(() => post(`/api/commitments/${id}/retry`), `The result is told to ${callingAe} again`);
  const row = element(
    'tr',
    { class: 'row' },
    element(
      'td',
      {},
      unfold.button(callingAe || '(none)', () => row),
      element('span', { class: 'sub' }, source),
    ),
    element(
      'td',
      { class: 'reason' },
      element('div', { class: 'chips' }, chip(kind, text), duplicate && chip('bad', 'transaction UID used before')),
      reason !== null && element('span', { class: 'sub' }, attempts > 0 ? `${plural(attempts, 'try', 'tries')}; ${reason}` : reason),
    ),
    element('td', { class: 'number' }, String(references)),
    element('td', { class: 'number' }, committed === null ? '–' : String(committed)),
    element('td', { class: 'number' }, failed === null ? '–' : String(failed)),
    element('td', { class: 'time' }, moment(requestedAt)),
    element('td', { class: 'actions' }, state === 'undeliverable' && element('button', { type: 'button', onclick: retry }, 'Tell again')),
  );
  return row;
}

function commitmentDetail({ transactionUid, after, deadlineAt, nextAt, reportedOn, stateAt, failures, failed }) {
  const rows = [
    ['Transaction UID', transactionUid],
    ['Committed after', after === 'custody' ? 'custody here' : 'delivery to every destination'],
    ['Deadline', moment(deadlineAt)],
    nextAt !== null && ['Next look', moment(nextAt)],
    reportedOn !== null && [
      'Told',
      `${moment(stateAt)}, on ${reportedOn === 'same' ? 'the association of the request' : 'a new association'}`,
    ],
  ];
  const shown = [facts(rows.filter(Boolean))];
  if (failures.length > 0) shown.push(failureTable(failures, failed));
  return shown;
}

function failureTable(failures, failed) {
  const rows = failures.map(({ sopInstanceUid, sopClassUid, reason }) =>
    element(
      'tr',
      {},
      element('td', {}, sopInstanceUid),
      element('td', {}, sopClassUid),
      element('td', {}, `${reason.toString(16).padStart(4, '0')} ${REASONS[reason] ?? ''}`),
    ),
  );
  if (failed > failures.length) rows.push(element('tr', {}, element('td', { colspan: 3 }, `and ${failed - failures.length} more`)));
  const head = ['SOP instance that is not committed', 'SOP class', 'Reason'].map((name) => element('th', { scope: 'col' }, name));
  return element('table', { 'aria-label': 'Failures' }, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows));
}
