// Destinations and the audit: two plain lists.
import { get } from './api.js';
import { chip, element, empty, syncRows, table } from './elements.js';
import { age, moment, rate } from './format.js';

const KINDS = { stow: 'DICOMweb (STOW-RS)', dimse: 'DICOM (C-STORE)' };
const DESTINATION_COLUMNS = [
  { name: 'Destination' },
  { name: 'State' },
  { name: 'Queued', class: 'number' },
  { name: 'Parked', class: 'number' },
  { name: 'Undelivered', class: 'number' },
  { name: 'Oldest' },
  { name: 'Failed', class: 'number' },
];
const AUDIT_COLUMNS = [{ name: 'When' }, { name: 'Who' }, { name: 'What' }, { name: 'Subject' }];

export function destinationsView() {
  const body = element('tbody');
  const place = element('div');
  const list = table(DESTINATION_COLUMNS, body, 'Destinations');
  const root = element('div', {}, element('div', { class: 'view-head' }, element('h1', {}, 'Destinations')), place);
  async function update() {
    const { destinations } = await get('/api/destinations');
    if (destinations.length === 0) return place.replaceChildren(empty('No destination', 'The gateway document has none yet.'));
    if (!list.isConnected) place.replaceChildren(list);
    syncRows(body, destinations, { keyOf: ({ id }) => id, render: destinationRow });
  }
  return { root, update };
}

function destinationRow({ id, kind, state, since, reason, queued, open, parked, failed, oldestDueAt, window, bandwidth }) {
  const stateChip = kind === null ? chip('bad', 'not configured any more') : state === 'open' ? chip('ok', 'open') : chip('bad', 'paused');
  return element(
    'tr',
    { class: 'row' },
    element('td', {}, element('strong', {}, id), element('span', { class: 'sub' }, KINDS[kind] ?? '')),
    element(
      'td',
      { class: 'reason' },
      stateChip,
      window?.open === false && chip('wait', 'waits for its window'),
      bandwidth?.rate != null && chip('wait', `at most ${rate(bandwidth.rate)}`),
      state === 'paused' && element('span', { class: 'sub' }, `since ${moment(since)}: ${reason ?? ''}`),
      window?.open === false && element('span', { class: 'sub' }, `only stat work is sent ${until(window.until)}`),
      bandwidth?.rate != null && element('span', { class: 'sub' }, `paced ${until(bandwidth.until)}`),
    ),
    element('td', { class: 'number' }, String(queued)),
    element('td', { class: 'number' }, parked > 0 ? element('a', { href: '#parked' }, String(parked)) : '0'),
    element('td', { class: 'number' }, String(open)),
    element('td', { class: 'time' }, oldestDueAt === null ? '–' : age(oldestDueAt)),
    element('td', { class: 'number' }, failed > 0 ? element('a', { href: '#failed' }, String(failed)) : '0'),
  );
}

const until = (text) => (text === null ? 'always' : `until ${moment(text)}`);

export function auditView() {
  const body = element('tbody');
  const place = element('div');
  const list = table(AUDIT_COLUMNS, body, 'Audit');
  const root = element('div', {}, element('div', { class: 'view-head' }, element('h1', {}, 'Audit')), place);
  async function update() {
    const { actions } = await get('/api/audit');
    if (actions.length === 0) return place.replaceChildren(empty('Nothing yet', 'What operators do is listed here.'));
    if (!list.isConnected) place.replaceChildren(list);
    syncRows(body, actions, { keyOf: ({ id }) => id, render: actionRow });
  }
  return { root, update };
}

const actionRow = ({ at, operator, token, action, subject }) =>
  element(
    'tr',
    { class: 'row' },
    element('td', { class: 'time' }, moment(at)),
    element('td', {}, operator, token && element('span', { class: 'sub' }, `by token ${token}`)),
    element('td', {}, action.replaceAll('-', ' ')),
    element('td', { class: 'reason' }, subject),
  );
