// How many accounts are stopped, beside the word Outbox.

import { byId, el, put } from '../shared/dom.js';

/** Show the number; nothing while all of them send. */
export function countProblems(accounts) {
  const number = accounts.filter(({ status }) => status === 'stopped').length;
  put('outbox-count', String(number), el('span', { class: 'unseen' }, number === 1 ? ' account is stopped' : ' accounts are stopped'));
  byId('outbox-count').hidden = !number;
}
