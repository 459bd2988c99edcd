// The signed-in user's own password.
import { post } from './api.js';
import { element } from './elements.js';

const MIN_PASSWORD_CHARACTERS = 12;

export function accountView({ session, act }) {
  const field = (label, { name, autocomplete, minlength }) =>
    element('label', {}, label, element('input', { name, type: 'password', autocomplete, required: true, minlength, maxlength: 256 }));
  const error = element('p', { class: 'form-error', role: 'alert', hidden: true });
  const form = element(
    'form',
    { class: 'card narrow stack' },
    element('h2', {}, 'Change the password'),
    element('input', { type: 'text', name: 'user', autocomplete: 'username', value: session.user, readonly: true, hidden: true }),
    field('Current password', { name: 'current', autocomplete: 'current-password' }),
    field('New password', { name: 'next', autocomplete: 'new-password', minlength: MIN_PASSWORD_CHARACTERS }),
    field('New password, again', { name: 'repeat', autocomplete: 'new-password', minlength: MIN_PASSWORD_CHARACTERS }),
    element('p', { class: 'hint' }, `At least ${MIN_PASSWORD_CHARACTERS} characters. All other sessions of ${session.user} end.`),
    error,
    element('div', {}, element('button', { type: 'submit', class: 'primary' }, 'Change')),
  );
  const refuse = (text) => {
    error.textContent = text;
    error.hidden = text === '';
  };
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { current, next, repeat } = Object.fromEntries(new FormData(form));
    if (next !== repeat) return refuse('The new password was not typed the same twice.');
    refuse('');
    const changed = await act(() => post('/api/password', { current, next }), 'The password is changed', refuse);
    if (changed) {
      session.mustChangePassword = false;
      form.reset();
    }
  });
  const root = element('div', {}, element('div', { class: 'view-head' }, element('h1', {}, `Account: ${session.user}`)), form);
  return { root, update: async () => {} };
}
