// Rows that unfold to tell more, and stay unfolded over refreshes (see syncRows).
import { element } from './elements.js';

/** `columns`: how many a detail spans. `render`: resolves with the nodes of a row's detail, by the row's key. */
export function unfolding({ columns, render }) {
  /** Loads what is unfolded again when its row has changed. */
  async function load(detail) {
    const { version, key } = detail.previousElementSibling.dataset;
    if (detail.dataset.version === version) return;
    detail.dataset.version = version;
    try {
      detail.firstChild.replaceChildren(...(await render(key)));
    } catch (error) {
      detail.dataset.version = '';
      detail.firstChild.replaceChildren(error.message);
    }
  }
  async function toggle(row, button) {
    const key = `${row.dataset.key} detail`;
    const open = row.nextElementSibling?.dataset.key === key ? row.nextElementSibling : undefined;
    button.setAttribute('aria-expanded', String(!open));
    if (open) return open.remove();
    const detail = element('tr', { class: 'detail' }, element('td', { colspan: columns }, 'Loading…'));
    detail.dataset.key = key;
    row.after(detail);
    await load(detail);
  }
  return {
    /** The button that unfolds the row. */
    button: (text, row) => {
      const button = element('button', { type: 'button', class: 'disclose', 'aria-expanded': 'false' }, text);
      button.addEventListener('click', () => toggle(row(), button));
      return button;
    },
    refresh: (body) => Promise.all([...body.querySelectorAll('tr.detail')].map(load)),
  };
}

export const facts = (rows) =>
  element('dl', { class: 'facts' }, ...rows.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))));
