// Deliveries that were given up, with the reason; an operator retries them or gives them up for good.
import { get, post } from './api.js';
import { askInDialog, element, empty, syncRows, table } from './elements.js';
import { moment, personName, plural } from './format.js';

const COLUMNS = [
  { name: 'Study' },
  { name: 'Destination' },
  { name: 'Reason' },
  { name: 'Instances', class: 'number' },
  { name: 'Attempts', class: 'number' },
  { name: 'Failed' },
  { name: '' },
];

export function failedView({ act }) {
  const body = element('tbody');
  const place = element('div');
  const buttons = element('div', { class: 'chips' });
  const list = table(COLUMNS, body, 'Failed deliveries');
  const root = element('div', {}, element('div', { class: 'view-head' }, element('h1', {}, 'Failed deliveries'), buttons), place);
  async function update() {
    const [{ groups }, { destinations }] = await Promise.all([get('/api/deliveries/failed'), get('/api/destinations')]);
    const failing = destinations.filter(({ failed }) => failed > 0);
    syncRows(buttons, failing, { keyOf: ({ id }) => id, render: ({ id, failed }) => retryAllButton(id, failed, act) });
    if (groups.length === 0)
      return place.replaceChildren(empty('No failed delivery', 'What cannot be delivered after all tries is shown here.'));
    if (!list.isConnected) place.replaceChildren(list);
    syncRows(body, groups, {
      keyOf: ({ studyKey, destination, reason }) => JSON.stringify([studyKey, destination, reason]),
      render: (group) => groupRow(group, act),
    });
  }
  return { root, update };
}

function retryAllButton(id, failed, act) {
  const retry = () => act(() => post('/api/deliveries/retry', { destination: id }), `Deliveries to ${id} are tried again`);
  return element('button', { type: 'button', onclick: retry }, `Retry all ${failed} to ${id}`);
}

function groupRow(group, act) {
  const which = { destination: group.destination, study: group.studyKey };
  const retry = () => act(() => post('/api/deliveries/retry', which), `The study is sent to ${group.destination} again`);
  const gone = group.objectsDeleted === group.deliveries;
  return element(
    'tr',
    { class: 'row' },
    element(
      'td',
      {},
      element('strong', {}, personName(group.patientName)),
      element('span', { class: 'sub' }, [group.patientId, group.modalities.join(', '), group.studyDescription].filter(Boolean).join(' · ')),
    ),
    element('td', {}, group.destination),
    element('td', { class: 'reason' }, group.reason ?? ''),
    element('td', { class: 'number' }, String(group.deliveries)),
    element('td', { class: 'number' }, String(group.attempts)),
    element('td', { class: 'time' }, moment(group.latestAt)),
    element(
      'td',
      { class: 'actions' },
      gone
        ? element('span', { class: 'quiet' }, 'objects deleted')
        : element('button', { type: 'button', class: 'primary', onclick: retry }, 'Retry'),
      element('button', { type: 'button', class: 'danger', onclick: () => giveUp(group, which, act) }, 'Give up…'),
    ),
  );
}

async function giveUp(group, which, act) {
  const count = plural(group.deliveries, 'instance');
  const sure = await askInDialog({
    title: `Give up ${plural(group.deliveries, 'delivery', 'deliveries')}?`,
    content: [
      element('p', {}, `${count} of ${personName(group.patientName)} will not reach ${group.destination}. This is written to the audit.`),
    ],
    confirm: 'Give up',
    danger: true,
    confirmed: () => true,
  });
  if (sure) await act(() => post('/api/deliveries/discard', which), `${count} given up`);
}
