// The messages of the outbox, the newest first: a page of them, by status and account.

import { dueOf } from './accounts.js';
import { request } from '../shared/api.js';
import { byId, el, elements, focusIn } from '../shared/dom.js';
import { ALL, stateBadge, stateOf, TROUBLED, UNDER_WAY, WAITING } from './states.js';
import { until } from '../shared/until.js';
import { moment } from '../shared/words.js';

const PATH = '/api/smtps/messages';
const LIMIT = 25;

const CHOICES = [['', 'Any'], [UNDER_WAY, 'In progress'], [TROUBLED, 'Need attention'], ...ALL.map((name) => [name, stateOf(name).word])];

let cursors = ['']; // where the pages begin, up to the one that is shown
let following = null; // where the next one does

function question() {
  const query = new URLSearchParams({ limit: String(LIMIT) });
  for (const status of byId('queue-status').value.split(',').filter(Boolean)) query.append('status', status);
  for (const [name, value] of [['account', byId('queue-account').value], ['cursor', cursors.at(-1) ?? '']]) {
    if (value) query.set(name, value);
  }
  return `${PATH}?${query}`;
}

const all = (standings) => Object.values(standings).reduce((sum, many) => sum + many, 0);

function people({ first_recipient: first, standings }) {
  const others = all(standings) - 1;
  return others > 0 ? `${first} and ${others} more` : first;
}

function outlook({ status, standings, due }) {
  if (status === 'partial') return `to ${standings.accepted ?? 0} of ${all(standings)}`;
  return due && WAITING.includes(status) ? [el('span', { class: 'next-words' }, 'next attempt '), until(due)] : '';
}

function row(message, onShow) {
  const { id, from, subject, status, account, created_at: created } = message;
  return el('li', {}, el('button', { type: 'button', 'data-id': id, onclick: () => onShow(id) },
    stateBadge(status),
    el('span', { class: 'subject' }, subject || '(no subject)'),
    el('span', { class: 'when' }, moment(created)),
    el('span', { class: 'through' }, account),
    el('span', { class: 'who' }, `to ${people(message)}, from ${from || '<>'}`),
    el('span', { class: 'next' }, outlook(message))));
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
  const [found] = elements(`[data-id="${id}"]`, byId('queue'));
  found?.focus();
  return Boolean(found);
}

function showPages(number) {
  const filtered = byId('queue-status').value || byId('queue-account').value;
  byId('queue-newer').hidden = cursors.length < 2;
  byId('queue-older').hidden = !following;
  byId('queue-empty').hidden = number > 0;
  byId('queue-empty').textContent = cursors.length > 1 ? 'No older messages.'
    : filtered ? 'No matching messages.' : 'No messages yet. Queue a message to see it here, with “Queue” next to “Send” or by HTTP.';
}

/** Ask for the page, and show it. Gives its messages, each with `due`. */
export async function showQueue(accounts, onShow) {
  const asked = question();
  const { messages, cursor } = await request(asked);
  if (asked !== question()) return []; // another page has been asked for meanwhile
  following = cursor;
  const known = messages.map((message) => ({ ...message, due: dueOf(message, accounts) }));
  draw(known.map((message) => row(message, onShow)));
  showPages(known.length);
  return known;
}

/** Make the filters and the pages work; `onChange()` asks for what is wanted then. */
export function startQueue(onChange) {
  byId('queue-status').replaceChildren(...CHOICES.map(([value, word]) => el('option', { value }, word)));
  const turn = (pages) => {
    cursors = pages;
    onChange();
  };
  for (const id of ['queue-status', 'queue-account']) byId(id).addEventListener('change', () => turn(['']));
  byId('queue-older').addEventListener('click', () => turn([...cursors, following]));
  byId('queue-newer').addEventListener('click', () => turn(cursors.slice(0, -1)));
}
