// What is said of a draft of the gateway document: problems, warnings, changes, and what it would have done with what was received.
import { element } from './elements.js';
import { moment, plural } from './format.js';

const SIGNS = { added: '+', removed: '−', changed: '~' };
const MOST_LINES = 200;
const MOST_CHARACTERS = 400;
const FIELDS = ['facilities', 'destinations', 'compression', 'held'];

const shortened = (text) => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text);
const placeOf = (path) => element('code', {}, path === '' ? 'the document' : path);
const valueText = (value) => shortened(JSON.stringify(value) ?? '(nothing)');
const list = (title, kind, items) =>
  items.length === 0
    ? []
    : [
        element('h3', { class: kind }, title),
        element('ul', { class: 'remarks' }, ...items.slice(0, MOST_LINES)),
        ...(items.length > MOST_LINES ? [element('p', { class: 'quiet' }, `and ${items.length - MOST_LINES} more`)] : []),
      ];

function changeItem({ path, kind, before, after }) {
  const values = kind === 'changed' ? `${valueText(before)} → ${valueText(after)}` : valueText(kind === 'added' ? after : before);
  return element('li', { class: `change ${kind}` }, element('b', {}, `${SIGNS[kind]} `), placeOf(path), ` ${values}`);
}

const warningItem = ({ path, warning }) => element('li', {}, placeOf(path), ` ${warning}`);
const problemItem = ({ path, value, problem }) => element('li', {}, placeOf(path), ` ${value === undefined ? '' : `${value} `}${problem}`);

const ofChanges = (changes) =>
  changes.length === 0
    ? [element('p', { class: 'quiet' }, 'Nothing changes.')]
    : list(plural(changes.length, 'change'), '', changes.map(changeItem));

export const remarkLines = {
  ofChanges,
  /** Of a document that can be taken. */
  ofCheck: ({ warnings, notActedOn, changes }) => [
    ...list(plural(warnings.length, 'warning'), 'wait', warnings.map(warningItem)),
    ...list(
      'This version does not act on',
      'wait',
      notActedOn.map((field) => element('li', {}, placeOf(field))),
    ),
    ...ofChanges(changes),
  ],
  /** Of one that is refused. */
  ofProblem: (error) =>
    error.problems
      ? list(`${plural(error.problems.length, 'problem')}: it cannot be applied`, 'bad', error.problems.map(problemItem))
      : [element('p', { class: 'form-error' }, error.message)],
};

/** The answer of a dry run. */
export function rehearsalLines({ instances, changed, since, unknown, unknownBecause, complete, groups, moreGroups }) {
  const said = `${changed} of ${plural(instances, 'instance')} received since ${moment(since)} would be decided otherwise.`;
  return [
    element('p', {}, element('b', {}, said)),
    ...(complete ? [] : [element('p', { class: 'quiet' }, 'Time ran out: the rest was not looked at.')]),
    ...list(
      `Of ${unknown} it cannot be said`,
      'wait',
      unknownBecause.map(({ because, instances: count }) => element('li', {}, `${count}: ${shortened(because)}`)),
    ),
    ...groups.map(groupItem),
    ...(moreGroups > 0 ? [element('p', { class: 'quiet' }, `${plural(moreGroups, 'group')} more of fewer instances`)] : []),
  ];
}

function groupItem({ instances, before, after }) {
  const differing = FIELDS.filter((field) => outcomeText(before[field]) !== outcomeText(after[field]));
  const items = differing.map((field) => element('li', {}, `${field}: ${outcomeText(before[field])} → ${outcomeText(after[field])}`));
  return element('div', {}, element('h3', {}, plural(instances, 'instance')), element('ul', { class: 'remarks' }, ...items));
}

const outcomeText = (value) => shortened([value ?? []].flat().join(', ')) || 'none';
