// received = delivered: each day, what was received and what became of it; unfolded by facility, with the studies that are not delivered.
import { get } from './api.js';
import { chip, element, empty, syncRows, table } from './elements.js';
import { bytes, personName } from './format.js';
import { unfolding } from './unfold.js';

/** What a receipt can be besides delivered; the kind is the colour of what is more than 0. */
const DIFFERENCES = [
  ['open', 'Open', 'wait'],
  ['held', 'Held', 'wait'],
  ['failed', 'Failed', 'bad'],
  ['quarantined', 'Quarantined', 'bad'],
  ['undirected', 'To nowhere', 'bad'],
  ['discarded', 'Discarded', ''],
];
const NUMBERS = ['Received', 'Delivered', ...DIFFERENCES.map(([, name]) => name)];
const COLUMNS = [{ name: 'Day (UTC)' }, { name: '' }, ...[...NUMBERS, 'Size'].map((name) => ({ name, class: 'number' }))];
const DAYS = 31;
const MOST_DAYS = 800;

export function daysView({ refresh }) {
  const body = element('tbody');
  const place = element('div');
  const list = table(COLUMNS, body, 'Days');
  const more = element('button', { type: 'button', class: 'more', hidden: true }, 'Show more');
  const unfold = unfolding({ columns: COLUMNS.length, render: detailOf });
  let limit = DAYS;
  more.addEventListener('click', () => {
    limit = Math.min(limit + DAYS, MOST_DAYS);
    refresh();
  });
  const head = element('div', { class: 'view-head' }, element('h1', {}, 'Received = delivered'));
  const root = element('div', {}, head, place, more);
  async function update() {
    const { days } = await get(`/api/reconciliation?limit=${limit}`);
    more.hidden = days.length < limit || limit >= MOST_DAYS;
    if (days.length === 0)
      return place.replaceChildren(empty('Nothing received yet', 'Each day is listed here with what became of its images.'));
    if (!list.isConnected) place.replaceChildren(list);
    syncRows(body, days, { keyOf: ({ day, facility }) => [day, facility].filter(Boolean).join(' '), render: (day) => dayRow(day, unfold) });
    await unfold.refresh(body);
  }
  return { root, update };
}

function dayRow(counts, unfold) {
  const row = element(
    'tr',
    { class: 'row' },
    element(
      'td',
      { class: 'time' },
      unfold.button(counts.day, () => row),
      counts.facility !== null && element('span', { class: 'sub' }, counts.facility),
    ),
    element('td', {}, verdict(counts)),
    ...numbers(counts),
    element('td', { class: 'number' }, bytes(counts.bytes)),
  );
  return row;
}

/** What an operator gave up is a decision, not a difference that waits for one. */
const isEven = ({ received, delivered, discarded }) => received === delivered + discarded;

/** The key of a row: the day, and the facility where rows are of one each. */
async function detailOf(key) {
  const [day, facility] = key.split(' ');
  return dayDetail(await get(`/api/reconciliation?day=${day}${facility === undefined ? '' : `&facility=${facility}`}`));
}

const verdict = (counts) =>
  isEven(counts) ? chip('ok', 'all delivered') : chip('wait', `${counts.received - counts.delivered - counts.discarded} not delivered`);

const numbers = (counts) => [
  ...['received', 'delivered'].map((name) => element('td', { class: 'number' }, String(counts[name]))),
  ...DIFFERENCES.map(([name, , kind]) => element('td', { class: 'number' }, counts[name] > 0 ? chip(kind, String(counts[name])) : '0')),
];

function dayDetail({ facilities, studies, next }) {
  const shown = [facilityTable(facilities)];
  if (studies.length > 0) shown.push(studyTable(studies));
  if (next !== null) shown.push(element('p', { class: 'quiet' }, `The first ${studies.length} studies are shown.`));
  return shown;
}

const headOf = (names, words) =>
  element(
    'thead',
    {},
    element('tr', {}, ...names.map((name, at) => element('th', { scope: 'col', class: at < words ? undefined : 'number' }, name))),
  );

const facilityTable = (facilities) =>
  element(
    'table',
    { 'aria-label': 'Facilities' },
    headOf(['Facility', ...NUMBERS, 'Size'], 1),
    element(
      'tbody',
      {},
      ...facilities.map((counts) =>
        element(
          'tr',
          {},
          element('td', {}, counts.facility ?? '(none)'),
          ...numbers(counts),
          element('td', { class: 'number' }, bytes(counts.bytes)),
        ),
      ),
    ),
  );

const studyTable = (studies) =>
  element(
    'table',
    { 'aria-label': 'Studies not delivered' },
    headOf(['Study', 'Facility', ...NUMBERS], 2),
    element(
      'tbody',
      {},
      ...studies.map((study) =>
        element(
          'tr',
          {},
          element(
            'td',
            {},
            element('strong', {}, personName(study.patientName)),
            element(
              'span',
              { class: 'sub' },
              [study.patientId, study.modalities.join(', '), study.studyDescription].filter(Boolean).join(' · '),
            ),
          ),
          element('td', {}, study.facilities.join(', ') || '–'),
          ...numbers(study),
        ),
      ),
    ),
  );
