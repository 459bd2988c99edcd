// Users, for administrators: who may do what for which facilities.
import { ask, get, post } from './api.js';
import { askInDialog, chip, element, empty, syncRows, table } from './elements.js';
import { moment } from './format.js';

const COLUMNS = [{ name: 'User' }, { name: 'Role' }, { name: 'Facilities' }, { name: 'Made' }, { name: '' }];
const ROLES = {
  reader: 'sees',
  operator: 'sees and acts',
  administrator: 'also changes configuration and users',
};

export function usersView({ act, gateway }) {
  const body = element('tbody');
  const place = element('div');
  const told = element('p', { class: 'notice wait', role: 'status', hidden: true });
  const list = table(COLUMNS, body, 'Users');
  /** A first password is shown until the view is left: it is told only once. */
  const tell = (text) => {
    told.textContent = text;
    told.hidden = false;
  };
  const tools = { act, gateway, tell };
  const make = element('button', { type: 'button', class: 'primary', onclick: () => makeUser(tools) }, 'New user…');
  const root = element('div', {}, element('div', { class: 'view-head' }, element('h1', {}, 'Users'), make), told, place);
  async function update() {
    const { users } = await get('/api/users');
    if (users.length === 0) return place.replaceChildren(empty('No user', 'Somebody must have removed you.'));
    if (!list.isConnected) place.replaceChildren(list);
    syncRows(body, users, { keyOf: ({ name }) => name, render: (user) => userRow(user, tools) });
  }
  return { root, update };
}

const userRow = (user, tools) =>
  element(
    'tr',
    { class: 'row' },
    element(
      'td',
      {},
      element('strong', {}, user.name),
      user.mustChangePassword && element('span', { class: 'sub' }, 'has the first password'),
    ),
    element('td', {}, chip(user.role === 'administrator' ? 'wait' : 'ok', user.role)),
    element('td', { class: 'reason' }, user.allFacilities ? 'all' : user.facilities.join(', ')),
    element('td', { class: 'time' }, moment(user.createdAt)),
    element(
      'td',
      { class: 'actions' },
      element('button', { type: 'button', onclick: () => changeUser(user, tools) }, 'Change…'),
      element('button', { type: 'button', onclick: () => newPassword(user, tools) }, 'New password…'),
      element('button', { type: 'button', class: 'danger', onclick: () => removeUser(user, tools) }, 'Remove…'),
    ),
  );

const addressOf = ({ name }) => `/api/users/${encodeURIComponent(name)}`;

async function makeUser({ act, gateway, tell }) {
  const name = element(
    'label',
    {},
    'Name ',
    element('input', { name: 'name', required: true, maxlength: 64, pattern: '[A-Za-z0-9][A-Za-z0-9._@\\-]*' }),
  );
  const given = await askForRights({
    title: 'New user',
    confirm: 'Make',
    first: [name],
    gateway,
    user: { role: 'reader', facilities: [] },
  });
  if (!given) return;
  await act(async () => {
    const made = await post('/api/users', given);
    tell(`First password of ${made.name}, shown only now: ${made.password}`);
  }, `${given.name} is made`);
}

async function changeUser(user, { act, gateway }) {
  const given = await askForRights({ title: `Rights of ${user.name}`, confirm: 'Change', first: [], gateway, user });
  if (!given) return;
  const { name: _, ...rights } = given;
  await act(() => ask('PUT', addressOf(user), { rights }), `${user.name} is ${rights.role} now`);
}

async function newPassword(user, { act, tell }) {
  const sure = await askInDialog({
    title: `A new first password for ${user.name}?`,
    content: [element('p', { class: 'quiet' }, 'All its sessions and API tokens end.')],
    confirm: 'New password',
    danger: true,
    confirmed: () => true,
  });
  if (!sure) return;
  await act(async () => {
    const { password } = await ask('PUT', addressOf(user), { newPassword: true });
    tell(`New first password of ${user.name}, shown only now: ${password}`);
  }, `${user.name} has a new first password`);
}

async function removeUser(user, { act }) {
  const sure = await askInDialog({
    title: `Remove ${user.name}?`,
    content: [element('p', { class: 'quiet' }, 'Its sessions and API tokens end at once. What it did stays in the audit.')],
    confirm: 'Remove',
    danger: true,
    confirmed: () => true,
  });
  if (sure) await act(() => ask('DELETE', addressOf(user)), `${user.name} is removed`);
}

async function askForRights({ title, confirm, first, gateway, user }) {
  const { facilities } = await gateway();
  const roles = Object.entries(ROLES).map(([role, may]) =>
    element(
      'label',
      {},
      element('input', { type: 'radio', name: 'role', value: role, required: true, checked: role === user.role }),
      `${role} `,
      element('span', { class: 'quiet' }, may),
    ),
  );
  const all = element(
    'label',
    {},
    element('input', { type: 'checkbox', name: 'all', checked: user.allFacilities === true }),
    'All facilities, also what belongs to none',
  );
  const some = facilities.map(({ id, name }) =>
    element(
      'label',
      {},
      element('input', { type: 'checkbox', name: 'facility', value: id, checked: user.facilities.includes(id) }),
      `${name} `,
      element('span', { class: 'quiet' }, id),
    ),
  );
  return askInDialog({
    title,
    content: [...first, element('div', { class: 'choices' }, ...roles), element('div', { class: 'choices' }, all, ...some)],
    confirm,
    confirmed: (form) => {
      const data = new FormData(form);
      const allFacilities = data.has('all');
      return { name: data.get('name'), role: data.get('role'), allFacilities, facilities: allFacilities ? [] : data.getAll('facility') };
    },
  });
}
