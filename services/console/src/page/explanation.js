// Why a study went where it went: each rule that was tried for its instances, and the deliveries on record; what is equal is told once.
import { get } from './api.js';
import { chip, element } from './elements.js';
import { plural } from './format.js';

/** Of a delivery. */
export const STATE_KINDS = { confirmed: 'ok', failed: 'bad', discarded: '', due: 'wait', retrying: 'wait', parked: 'wait' };

/** A button that is replaced by the explanation. */
export function whyButton(studyKey) {
  const place = element('div', { class: 'why' });
  const button = element('button', { type: 'button' }, 'Why did it go where it went?');
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      place.replaceChildren(...explanation(await get(`/api/explain?study=${encodeURIComponent(studyKey)}`)));
    } catch (error) {
      button.disabled = false;
      place.replaceChildren(button, element('p', { class: 'form-error' }, error.message));
    }
  });
  place.append(button);
  return place;
}

function explanation({ instances, more = 0 }) {
  const alike = new Map();
  for (const { receiptId: _, traceId, ...told } of instances) {
    const key = JSON.stringify(told);
    const known = alike.get(key);
    alike.set(key, { told, count: (known?.count ?? 0) + 1, traceId: known?.traceId ?? traceId });
  }
  const groups = [...alike.values()].map(groupOf);
  if (more > 0) groups.push(element('p', { class: 'quiet' }, `${plural(more, 'instance')} more, not explained here`));
  return groups;
}

function groupOf({ told, count, traceId }) {
  const { rules, rulesLeftOut, deliveries, held, notes, revision, lane, compression } = told;
  const by = revision === null ? 'no rules were asked' : `by the rules of revision ${revision}`;
  return element(
    'section',
    { class: 'explained' },
    element('h3', {}, `${plural(count, 'instance')}, ${by}`),
    element('p', {}, `Facility ${facilityText(told.facility)}; lane ${lane}; compression: ${compression}`),
    element('div', { class: 'chips' }, ...deliveries.map(deliveryChip)),
    ...(held ? [element('p', { class: 'form-error' }, `Held, ${held.reason}: ${held.detail}`)] : []),
    rulesTable(rules),
    ...(rulesLeftOut > 0 ? [element('p', { class: 'quiet' }, `${plural(rulesLeftOut, 'rule')} more did not apply`)] : []),
    ...(traceId ? [element('p', { class: 'quiet' }, `${count > 1 ? 'Trace of the first' : 'Trace'}: ${traceId}`)] : []),
    ...notes.map((note) => element('p', { class: 'quiet' }, note)),
  );
}

const facilityText = ({ id, name, candidates }) =>
  id !== undefined ? (name && name !== id ? `${id} (${name})` : id) : candidates ? `ambiguous: ${candidates.join(', ')}` : 'none';

const deliveryChip = ({ destination, facility, rule, state }) =>
  chip(STATE_KINDS[state] ?? '', element('b', {}, destination), `${state}${facility ? ` for ${facility}` : ''}: ${rule}`);

const rulesTable = (rules) =>
  element(
    'table',
    { 'aria-label': 'Rules tried' },
    element('thead', {}, element('tr', {}, ...['', 'About', 'Rule', 'Because'].map((name) => element('th', { scope: 'col' }, name)))),
    element(
      'tbody',
      {},
      ...rules.map(({ kind, rule, applied, because }) =>
        element(
          'tr',
          { class: applied ? '' : 'quiet' },
          element('td', {}, applied ? chip('ok', 'applied') : chip('', 'no')),
          element('td', {}, kind),
          element('td', { class: 'reason' }, rule),
          element('td', { class: 'reason' }, because),
        ),
      ),
    ),
  );
