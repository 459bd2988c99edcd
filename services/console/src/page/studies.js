// The studies, newest first: who, what, from where, and what became of it at each destination.
import { get } from './api.js';
import { chip, element, empty, syncRows, table } from './elements.js';
import { STATE_KINDS, whyButton } from './explanation.js';
import { bytes, moment, personName, plural, studyMoment } from './format.js';
import { facts, unfolding } from './unfold.js';

const COLUMNS = [
  { name: 'Patient' },
  { name: 'Study' },
  { name: 'Facility' },
  { name: 'Instances', class: 'number' },
  { name: 'Delivery' },
  { name: 'Received' },
];
const PAGE = 50;
/** Typing pauses this long before it is searched. */
const SEARCH_AFTER_MS = 250;

export function studiesView({ refresh, gateway }) {
  const body = element('tbody');
  const place = element('div');
  const more = element('button', { type: 'button', class: 'more', hidden: true }, 'Show more');
  const search = element('input', {
    ...{ type: 'search', placeholder: 'Patient, ID, accession, institution, UID', 'aria-label': 'Search studies', maxlength: 200 },
    ...{ spellcheck: 'false', autocomplete: 'off' },
  });
  const list = table(COLUMNS, body, 'Studies');
  const unfold = unfolding({
    columns: COLUMNS.length,
    render: async (key) => studyDetail(await get(`/api/studies/${encodeURIComponent(key)}`)),
  });
  let limit = PAGE;
  let timer;
  search.addEventListener('input', () => {
    clearTimeout(timer);
    limit = PAGE;
    timer = setTimeout(refresh, SEARCH_AFTER_MS);
  });
  more.addEventListener('click', () => {
    limit += PAGE;
    refresh();
  });
  const root = element('div', {}, element('div', { class: 'view-head' }, element('h1', {}, 'Studies'), search), place, more);

  async function update() {
    const term = search.value.trim();
    const query = new URLSearchParams({ limit: String(Math.min(limit, 200)) });
    if (term !== '') query.set('search', term);
    const { studies, next } = await get(`/api/studies?${query}`);
    if (term !== search.value.trim()) return;
    more.hidden = next === null || limit >= 200;
    if (studies.length === 0) return place.replaceChildren(term === '' ? noStudies(await gateway()) : noMatch(term));
    if (!list.isConnected) place.replaceChildren(list);
    syncRows(body, studies, { keyOf: (study) => study.studyKey, render: (study) => studyRow(study, unfold) });
    await unfold.refresh(body);
  }
  return { root, update };
}

function studyRow(study, unfold) {
  const name = unfold.button(personName(study.patientName), () => row);
  const row = element(
    'tr',
    { class: 'row' },
    element('td', {}, name, element('span', { class: 'sub' }, [study.patientId || 'no ID', lifeDates(study)].filter(Boolean).join(' · '))),
    element(
      'td',
      {},
      [study.modalities.join(', '), study.studyDescription || 'no description'].filter(Boolean).join(' · '),
      element('span', { class: 'sub' }, studyMoment(study.studyDate, study.studyTime) || 'no study date'),
    ),
    element('td', {}, study.facilities.join(', ') || '–', element('span', { class: 'sub' }, study.institutionName)),
    element('td', { class: 'number' }, String(study.instances)),
    element('td', {}, deliveryChips(study)),
    element(
      'td',
      { class: 'time', title: new Date(study.lastReceivedAt).toLocaleString() },
      moment(study.lastReceivedAt),
      study.arrival && element('span', { class: 'sub' }, arrivalChip(study.arrival)),
    ),
  );
  return row;
}

const ENDINGS = {
  released: 'its last association was released',
  'aborted-by-peer': 'the last association was aborted by the sender',
  'aborted-by-us': 'the last association was aborted by the gateway',
  'connection-lost': 'the connection was lost in the last association',
  'timed-out': 'the last association fell silent and was given up',
  open: 'its last association went on with other studies',
  'never-told': 'the receiver ended in the last association',
  unknown: 'nothing is known of its last association',
};

function arrivalChip({ state, ending }) {
  if (state === 'receiving') return 'receiving …';
  return state === 'incomplete' ? element('span', { title: ENDINGS[ending] }, chip('bad', 'incomplete')) : 'settled';
}

function arrivalText({ state, at, ending, settlings }) {
  const times = settlings > 1 ? `, for the ${settlings}. time` : '';
  if (state === 'receiving') return settlings > 0 ? `receiving more, after it had settled ${plural(settlings, 'time')}` : 'receiving …';
  const settled = `${moment(at)}${times}: ${ENDINGS[ending] ?? ending}`;
  return state === 'incomplete' ? `incomplete, settled ${settled}` : `settled ${settled}`;
}

const lifeDates = ({ patientBirthDate, patientSex }) => [studyMoment(patientBirthDate, ''), patientSex].filter(Boolean).join(' ');

const FLAGS = { patient: 'instances of different patients', endpoints: 'instances for different endpoints' };

function deliveryChips({ deliveries, held, quarantined, moving, conflicting, flags }) {
  const chips = Object.entries(deliveries)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([destination, counts]) => deliveryChip(destination, counts));
  if (moving > 0) chips.push(chip('wait', `${moving} being processed`));
  if (held > 0) chips.push(chip('wait', `${held} waiting for assignment`));
  if (conflicting > 0) chips.push(chip('bad', `${conflicting} with conflicting content`));
  for (const flag of flags) chips.push(chip('bad', FLAGS[flag]));
  if (quarantined > 0) chips.push(chip('bad', `${quarantined} in quarantine`));
  return element('div', { class: 'chips' }, ...(chips.length > 0 ? chips : [chip('', 'no delivery')]));
}

/** The worst state gives the colour; the words tell all of them. */
function deliveryChip(destination, { confirmed = 0, due = 0, retrying = 0, failed = 0, discarded = 0 }) {
  const words = [];
  if (failed > 0) words.push(`${failed} failed`);
  if (retrying > 0) words.push(`${retrying} retrying`);
  if (due > 0) words.push(`${due} on the way`);
  if (confirmed > 0) words.push(`${confirmed} delivered`);
  if (discarded > 0) words.push(`${discarded} given up`);
  const kind = failed > 0 ? 'bad' : retrying + due > 0 ? 'wait' : confirmed > 0 ? 'ok' : '';
  return chip(kind, element('b', {}, destination), words.join(', '));
}

const coercionText = ({ rule, revision, instances }) => `${rule} (revision ${revision}), ${plural(instances, 'instance')}`;

const conflictText = ({ otherContent, otherSeries }) =>
  `Conflicting: same UID, ${[otherContent && 'other content', otherSeries && 'other series'].filter(Boolean).join(' and ')}`;
const receiptText = (one) =>
  `${one.sopInstanceUid}, received ${moment(one.receivedAt)} from ${one.callingAe} (${one.source}), ${bytes(one.size)}, study ${one.studyKey}, series ${one.seriesKey}, ` +
  `SHA-256 ${one.digest.slice(0, 16)}…`;

function studyDetail(study) {
  const rows = [
    ['Study Instance UID', study.studyKey],
    ['Accession number', study.accessionNumber || '–'],
    ['First received', moment(study.firstReceivedAt)],
    ['Receptions', plural(study.receipts, 'object')],
    ...(study.arrival ? [['Arrival', arrivalText(study.arrival)]] : []),
    ...study.coercions.map((one) => [one.skipped ? 'Not coerced' : 'Coerced', coercionText(one)]),
    ...study.disagreements.map((one) => [`Disagreeing: ${one.flag}`, `${one.says} (${plural(one.instances, 'instance')})`]),
    ...study.conflicts.map((one) => [conflictText(one), receiptText(one)]),
  ];
  const series = study.series.map((one) =>
    element(
      'tr',
      {},
      element('td', { class: 'number' }, one.seriesNumber || '–'),
      element('td', {}, one.modality || '–'),
      element('td', {}, one.seriesDescription || '–'),
      element('td', {}, one.bodyPart || '–'),
      element('td', { class: 'number' }, String(one.instances)),
      element('td', { class: 'number' }, bytes(one.bytes)),
    ),
  );
  const names = ['Series', 'Modality', 'Description', 'Body part', 'Instances', 'Size'];
  const head = names.map((name, at) => element('th', { scope: 'col', class: at === 0 || at > 3 ? 'number' : undefined }, name));
  return [
    facts(rows),
    element('table', { 'aria-label': 'Series' }, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...series)),
    ...(study.delivered.length > 0 ? [deliveriesTable(study.delivered)] : []),
    whyButton(study.studyKey),
  ];
}

const DELIVERED_COLUMNS = ['Destination', 'On behalf of', 'State', 'When', 'Rule', 'Revision', 'Deliveries'];
const deliveriesTable = (rows) =>
  element(
    'table',
    { 'aria-label': 'Deliveries' },
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        ...DELIVERED_COLUMNS.map((name, at) => element('th', { scope: 'col', class: at > 4 ? 'number' : undefined }, name)),
      ),
    ),
    element('tbody', {}, ...rows.map(deliveriesRow)),
  );

const deliveriesRow = ({ destination, facility, state, from, to, because, rule, revision, deliveries }) =>
  element(
    'tr',
    {},
    element('td', {}, element('b', {}, destination)),
    element('td', {}, facility ?? '–'),
    element('td', {}, chip(STATE_KINDS[state] ?? '', state), because && element('span', { class: 'sub reason' }, because)),
    element('td', { class: 'time' }, moment(from) === moment(to) ? moment(to) : `${moment(from)} – ${moment(to)}`),
    element('td', { class: 'reason' }, rule),
    element('td', { class: 'number' }, String(revision)),
    element('td', { class: 'number' }, String(deliveries)),
  );

const noMatch = (term) =>
  empty('No study found', `Nothing begins with “${term}” in patient, ID, accession number, institution, description or UID.`);

function noStudies({ aeTitles, listeners }) {
  const where = listeners.map(({ port, tls }) => `port ${port}${tls ? ' (TLS)' : ''}`).join(' or ') || 'its DICOM port';
  return empty(
    'No study yet',
    element('p', {}, 'Send a first one from the folder of the gateway: ', element('code', {}, 'npm run send -- --synthetic 1x10')),
    element('p', {}, 'or point a modality at this machine: AE title ', element('code', {}, aeTitles[0] ?? 'GATEWAY'), `, ${where}.`),
    'It appears here by itself.',
  );
}
