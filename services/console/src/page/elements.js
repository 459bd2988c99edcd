// Builds elements. Text goes in as text only, never as markup: header values come from anywhere.

/** element('button', { class: 'plain', onclick: f, disabled: false }, 'Text', child) */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? '' : String(value));
  }
  made.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return made;
}

export const table = (columns, body, label) =>
  element(
    'div',
    { class: 'card table' },
    element(
      'table',
      { 'aria-label': label },
      element(
        'thead',
        {},
        element('tr', {}, ...columns.map((column) => element('th', { scope: 'col', class: column.class }, column.name))),
      ),
      body,
    ),
  );

/**
 * Makes the rows of a table body be those of the items, in their order. A row whose item did not change stays the same element, so that focus,
 * selection and what is unfolded survive a refresh.
 */
export function syncRows(body, items, { keyOf, render }) {
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  const rows = items.flatMap((item) => {
    const key = keyOf(item);
    const version = JSON.stringify(item);
    const old = known.get(key);
    const fresh = old?.dataset.version === version ? old : render(item);
    fresh.dataset.key = key;
    fresh.dataset.version = version;
    if (old && old !== fresh) carryFocus(old, fresh);
    const detail = known.get(`${key} detail`);
    return detail ? [fresh, detail] : [fresh];
  });
  for (const row of body.children) if (!rows.includes(row)) row.remove();
  rows.forEach((row, at) => {
    if (body.children[at] !== row) body.insertBefore(row, body.children[at] ?? null);
  });
}

/** The button that had the focus has it in the new row as well; what was unfolded says so. */
function carryFocus(old, fresh) {
  const before = [...old.querySelectorAll('button, a')];
  const after = [...fresh.querySelectorAll('button, a')];
  for (const [at, button] of before.entries())
    if (button.hasAttribute('aria-expanded')) after[at]?.setAttribute('aria-expanded', button.getAttribute('aria-expanded'));
  const at = before.indexOf(document.activeElement);
  if (at >= 0) queueMicrotask(() => after[at]?.focus());
}

export const chip = (kind, ...texts) => element('span', { class: `chip ${kind}` }, ...texts);

export const empty = (title, ...paragraphs) =>
  element(
    'div',
    { class: 'card empty' },
    element('h2', {}, title),
    ...paragraphs.map((text) => (text instanceof Node ? text : element('p', {}, text))),
  );

/** A button under a list that lists more of it; `limit` is how many to ask for, `shown` is told how many came. */
export function showMore({ first, most, refresh }) {
  let limit = first;
  const button = element('button', { type: 'button', class: 'more', hidden: true }, 'Show more');
  button.addEventListener('click', () => {
    limit = most;
    refresh();
  });
  return {
    button,
    limit: () => limit,
    shown: (count) => {
      button.hidden = count < limit || limit === most;
    },
  };
}

/** Asks before something that cannot be taken back. Resolves with what `confirmed` returns, or undefined. */
export function askInDialog({ title, content, confirm, danger, confirmed }) {
  return new Promise((resolve) => {
    const button = element('button', { type: 'submit', class: danger ? 'danger' : 'primary', value: 'yes' }, confirm);
    const cancel = element('button', { type: 'button' }, 'Cancel');
    const form = element('form', { method: 'dialog' }, element('h2', {}, title), ...content, element('footer', {}, cancel, button));
    const dialog = element('dialog', {}, form);
    cancel.addEventListener('click', () => dialog.close(''));
    dialog.addEventListener('close', () => {
      const result = dialog.returnValue === 'yes' ? confirmed(form) : undefined;
      dialog.remove();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
