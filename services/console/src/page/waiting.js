// Work that waits for a person: held studies are assigned or discarded, quarantined ones tried again or discarded.
import { get, post } from './api.js';
import { askInDialog, chip, element, empty, showMore, syncRows, table } from './elements.js';
import { age, moment, personName, plural } from './format.js';

const COLUMNS = [{ name: 'Study' }, { name: 'Why it waits' }, { name: 'Instances', class: 'number' }, { name: 'Since' }, { name: '' }];
const REASONS = {
  unmatched: 'No endpoint matches',
  'no-facility': 'No facility matches',
  ambiguous: 'Several facilities match',
  'no-destination': 'No destination',
  loop: 'Comes back from where we sent it',
};

export function waitingView({ act, gateway, refresh }) {
  const body = element('tbody');
  const place = element('div');
  const list = table(COLUMNS, body, 'Waiting work');
  const more = showMore({ first: 50, most: 200, refresh });
  const head = element('div', { class: 'view-head' }, element('h1', {}, 'Waiting for a decision'));
  const root = element('div', {}, head, place, more.button);
  async function update() {
    const { waiting } = await get(`/api/held?limit=${more.limit()}`);
    more.shown(waiting.length);
    if (waiting.length === 0) return place.replaceChildren(empty('Nothing waits', 'Every study found its facility and its destination.'));
    if (!list.isConnected) place.replaceChildren(list);
    syncRows(body, waiting, {
      keyOf: ({ studyKey, state, held, reason }) => JSON.stringify([studyKey, state, held, reason]),
      render: (work) => workRow(work, { act, gateway }),
    });
  }
  return { root, update };
}

function workRow(work, { act, gateway }) {
  const { state, held, reason } = work;
  const retry = () =>
    act(
      () => onAll(work, '/api/held/retry'),
      (count) => `${plural(count, 'instance')} set in motion again`,
    );
  const button =
    state === 'held'
      ? element('button', { type: 'button', class: 'primary', onclick: () => assign(work, { act, gateway }) }, 'Assign…')
      : element('button', { type: 'button', class: 'primary', onclick: retry }, 'Try again');
  const why = state === 'held' ? (REASONS[held.reason] ?? held.reason) : 'Quarantined';
  return element(
    'tr',
    { class: 'row' },
    element(
      'td',
      {},
      element('strong', {}, personName(work.patientName)),
      element('span', { class: 'sub' }, [work.patientId, work.modalities.join(', '), work.studyDescription].filter(Boolean).join(' · ')),
      element('span', { class: 'sub' }, work.institutionName),
    ),
    element(
      'td',
      { class: 'reason' },
      chip(state === 'held' ? 'wait' : 'bad', why),
      element('span', { class: 'sub' }, state === 'held' ? held.detail : reason),
      held?.candidates.length > 0 && element('span', { class: 'sub' }, `Candidates: ${held.candidates.join(', ')}`),
    ),
    element('td', { class: 'number' }, String(work.instances)),
    element('td', { class: 'time', title: moment(work.since) }, age(work.since)),
    element(
      'td',
      { class: 'actions' },
      button,
      element('button', { type: 'button', class: 'danger', onclick: () => discard(work, act) }, 'Discard…'),
    ),
  );
}

async function assign(work, { act, gateway }) {
  const { facilities } = await gateway();
  const candidates = new Set(work.held.candidates);
  const sorted = facilities.toSorted((a, b) => Number(candidates.has(b.id)) - Number(candidates.has(a.id)));
  const choices = sorted.map(({ id, name, model }) =>
    element(
      'label',
      {},
      element('input', { type: 'checkbox', name: 'facility', value: id }),
      `${name} `,
      element('span', { class: 'quiet' }, `${id} · ${model}`),
    ),
  );
  const chosen = await askInDialog({
    title: `Assign ${plural(work.instances, 'instance')}`,
    content: [
      element('p', { class: 'quiet' }, `${personName(work.patientName)}: choose where this study goes.`),
      element('div', { class: 'choices' }, ...choices),
    ],
    confirm: 'Assign',
    confirmed: (form) => new FormData(form).getAll('facility'),
  });
  if (!chosen || chosen.length === 0) return;
  await act(
    () => onAll(work, '/api/held/assign', { facilities: chosen }),
    (count) => `${plural(count, 'instance')} assigned to ${chosen.join(', ')}`,
  );
}

async function discard(work, act) {
  const sure = await askInDialog({
    title: `Discard ${plural(work.instances, 'instance')}?`,
    content: [
      element('p', {}, `${personName(work.patientName)}, ${work.studyDescription || 'no description'}.`),
      element('p', { class: 'quiet' }, 'They go nowhere, and their objects are deleted after the retention. This is written to the audit.'),
    ],
    confirm: 'Discard',
    danger: true,
    confirmed: () => true,
  });
  if (sure)
    await act(
      () => onAll(work, '/api/held/discard'),
      (count) => `${plural(count, 'instance')} discarded`,
    );
}

/** Resolves with how many. Page by page, because a group may have more instances than the list names; what waits again meanwhile is not met twice. */
async function onAll({ studyKey, group }, path, more = {}) {
  let count = 0;
  for (let after = ''; ; ) {
    const query = new URLSearchParams({ study: studyKey, group, ...(after === '' ? {} : { after }) });
    const { receipts } = await get(`/api/held/receipts?${query}`);
    if (receipts.length === 0) return count;
    await post(path, { receiptIds: receipts.map(({ receiptId }) => receiptId), ...more });
    count += receipts.length;
    after = receipts.at(-1).receiptId;
  }
}
