// Details that are folded; the key fact stands in the line, so most need not be opened.

import { el, mark } from './dom.js';

/** One of them: title, key fact, what is inside. Null children leave it out. */
export function fold(title, fact, content, attributes = {}) {
  if (!content) return null;
  return el('details', { class: 'fold', ...attributes },
    el('summary', {}, mark('chevron'), el('span', { class: 'title' }, title), el('span', { class: 'fact' }, fact)),
    el('div', { class: 'inside' }, content));
}
