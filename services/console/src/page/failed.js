// Deliveries that were given up, and those that wait for room in a queue, with the reason; an operator sends them again or gives them up for good.
import { get, post } from './api.js';
import { askInDialog, element, empty, showMore, syncRows, table } from './elements.js';
import { moment, personName, plural } from './format.js';

const WORDS = {
  failed: {
    title: 'Failed deliveries',
    since: 'Failed',
    again: 'Retry',
    none: ['No failed delivery', 'What cannot be delivered after all tries is shown here.'],
  },
  parked: {
    title: 'Parked deliveries',
    since: 'Parked',
    again: 'Queue now',
    none: ['No parked delivery', 'What is due and finds no room in a queue waits here. It is queued by itself when there is room.'],
  },
};
const PARKED_BECAUSE = {
  'destination-queue': 'the queue of the destination is full (destinations.queued)',
  'facility-queue': 'the queue of the facility is full (facilities.quota.queued)',
  'shared-queue': 'the destination has its share of the common queue',
  'queue-full': 'the common queue is full',
};

export const failedView = (parts) => groupsView('failed', parts);
export const parkedView = (parts) => groupsView('parked', parts);

function groupsView(state, { act, refresh }) {
  const words = WORDS[state];
  const columns = [
    ...[{ name: 'Study' }, { name: 'Destination' }, { name: 'Reason' }, { name: 'Instances', class: 'number' }],
    ...[{ name: 'Attempts', class: 'number' }, { name: words.since }, { name: '' }],
  ];
  const body = element('tbody');
  const place = element('div');
  const buttons = element('div', { class: 'chips' });
  const list = table(columns, body, words.title);
  const more = showMore({ first: 100, most: 500, refresh });
  const root = element('div', {}, element('div', { class: 'view-head' }, element('h1', {}, words.title), buttons), place, more.button);
  async function update() {
    const [{ groups }, { destinations }] = await Promise.all([
      get(`/api/deliveries/${state}?limit=${more.limit()}`),
      get('/api/destinations'),
    ]);
    more.shown(groups.length);
    const waiting = destinations.filter((destination) => destination[state] > 0);
    syncRows(buttons, waiting, { keyOf: ({ id }) => id, render: (destination) => allOfButton(state, destination, act) });
    if (groups.length === 0) return place.replaceChildren(empty(...words.none));
    if (!list.isConnected) place.replaceChildren(list);
    syncRows(body, groups, {
      keyOf: ({ studyKey, destination, reason }) => JSON.stringify([studyKey, destination, reason]),
      render: (group) => groupRow(state, group, act),
    });
  }
  return { root, update };
}

function allOfButton(state, { id, [state]: count }, act) {
  const again = () => act(() => post('/api/deliveries/retry', { state, destination: id }), `Deliveries to ${id} are tried again`);
  return element('button', { type: 'button', onclick: again }, `${WORDS[state].again} all ${count} to ${id}`);
}

function groupRow(state, group, act) {
  const which = { state, destination: group.destination, study: group.studyKey };
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
    element('td', { class: 'reason' }, PARKED_BECAUSE[group.reason] ?? group.reason ?? ''),
    element('td', { class: 'number' }, String(group.deliveries)),
    element('td', { class: 'number' }, String(group.attempts)),
    element('td', { class: 'time' }, moment(group.latestAt)),
    element(
      'td',
      { class: 'actions' },
      gone
        ? element('span', { class: 'quiet' }, 'objects deleted')
        : element('button', { type: 'button', class: 'primary', onclick: retry }, WORDS[state].again),
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
