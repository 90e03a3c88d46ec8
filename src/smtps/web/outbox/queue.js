// The messages of the outbox, the newest first: a page of them, by status and account.

import { dueOf } from './accounts.js';
import { request } from '../shared/api.js';
import { format } from '../shared/address.js';
import { byId, el, elements, focusIn, put } from '../shared/dom.js';
import { go } from '../shared/router.js';
import { GROUPS, question } from './filters.js';
import { stateBadge, WAITING } from './states.js';
import { until } from '../shared/until.js';
import { count, moment } from '../shared/words.js';

const PATH = '/api/smtps/messages';

/** @type {Record<string, string>} */
let filter = {}; // status, account and cursor, as the address has them
let cursors = ['']; // where the pages begin, up to the one that is shown
let following = null; // where the next one does

const all = (standings) => Object.values(standings).reduce((sum, many) => sum + many, 0);

function people({ first_recipient: first, standings }) {
  const others = all(standings) - 1;
  return others > 0 ? `${first} and ${others} more` : first;
}

function outlook({ status, standings, due }) {
  if (status === 'partial') return `to ${standings.accepted ?? 0} of ${all(standings)}`;
  return due && WAITING.includes(status) ? ['next attempt ', until(due)] : '';
}

function row(message) {
  const { id, from, subject, status, account, created_at: created } = message;
  const to = people(message);
  return el('li', {}, el('a', { href: format('outbox', [id]), 'data-id': id },
    el('span', { class: 'q-state' }, stateBadge(status)),
    el('bdi', { class: 'subject cut', title: subject }, subject || '(no subject)'),
    el('span', { class: 'q-to' }, el('bdi', { class: 'who cut', title: `to ${to}, from ${from || '<>'}` }, to),
      el('span', { class: 'through cut', title: `through ${account}` }, `through ${account}`)),
    el('span', { class: 'due' }, el('span', { class: 'when' }, moment(created)), el('span', { class: 'next' }, outlook(message)))));
}

/** Show rows, keeping those that have not changed, and the focus. */
function draw(rows) {
  const focused = focusIn('#queue [data-id]')?.dataset.id;
  const before = new Map(elements('[data-id]', byId('queue')).map((item) => [item.dataset.id, item.parentElement]));
  byId('queue').replaceChildren(...rows.map((item) => {
    const old = before.get(item.firstChild.dataset.id);
    return old?.isEqualNode(item) ? old : item;
  }));
  if (focused) focusRow(focused);
}

/** Go to a message of the list, if it is there. */
export function focusRow(id) {
  const [found] = elements(`[data-id="${CSS.escape(id)}"]`, byId('queue'));
  found?.focus();
  return Boolean(found);
}

function showPages(number) {
  const filtered = filter.status || filter.account;
  byId('queue-newer').hidden = cursors.length < 2;
  byId('queue-older').hidden = !following;
  byId('queue-empty').hidden = number > 0;
  byId('queue-range').textContent = number ? `${count(number, 'message')}${following ? ', more are older' : ''}` : '';
  byId('queue-empty').textContent = cursors.length > 1 ? 'No older messages.'
    : filtered ? 'No matching messages.' : 'No messages yet. Write one and queue it here, or queue one by HTTP.';
}

function showFilter() {
  put('queue-status', GROUPS.map(([status, word]) => el('a', {
    href: format('outbox', [], { status, account: filter.account }), 'aria-current': (filter.status ?? '') === status && 'true',
  }, word)));
}

/** Take the filter of the address. */
export function setFilter(query) {
  const { status, account } = query;
  const now = JSON.stringify([status, account]);
  if (now !== JSON.stringify([filter.status, filter.account])) cursors = [''];
  filter = { status, account };
  showFilter();
}

/** Where the list is, for the way back to it. */
export const listAddress = () => format('outbox', [], filter);

/** Ask for the page, and show it. Gives its messages, each with `due`. */
export async function showQueue(accounts) {
  const asked = question({ ...filter, cursor: cursors.at(-1) ?? '' });
  const { messages, cursor } = await request(`${PATH}?${asked}`);
  if (asked !== question({ ...filter, cursor: cursors.at(-1) ?? '' })) return []; // another page is asked for by now
  following = cursor;
  const known = messages.map((message) => ({ ...message, due: dueOf(message, accounts) }));
  draw(known.map(row));
  showPages(known.length);
  return known;
}

/** Make the filters and the pages work; `onChange()` asks for what is wanted then. */
export function startQueue(onChange) {
  const turn = (pages) => {
    cursors = pages;
    onChange();
  };
  byId('queue-account').addEventListener('change', () => go('outbox', [], { status: filter.status, account: byId('queue-account').value }));
  byId('queue-older').addEventListener('click', () => turn([...cursors, following]));
  byId('queue-newer').addEventListener('click', () => turn(cursors.slice(0, -1)));
}
