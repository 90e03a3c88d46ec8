// The sandbox's inbox; it looks for new mail every few seconds while it is in sight.

import { Problem, request } from '../shared/api.js';
import { alarm, announce, byId, el, elements, focusIn, put } from '../shared/dom.js';
import { messageView } from './message.js';
import { onOpen, openTab } from '../shared/tabs.js';
import { count, moment } from '../shared/words.js';

const PATH = '/api/sandbox/messages';
const PAUSE = 3000;

/** @type {string | null} */
let shown = null; // the ids in the list
/** @type {string | null} */
let chosen = null;
/** @type {number | undefined} */
let timer;

function entry({ id, from, subject, received }) {
  return el('li', {}, el('button', {
    type: 'button', 'data-id': id, 'aria-current': id === chosen && 'true', onclick: () => show(id),
  },
  el('span', { class: 'subject' }, subject || '(no subject)'),
  el('span', { class: 'when' }, moment(received)),
  el('span', { class: 'who' }, from || '<>')));
}

const buttons = () => elements('button', byId('inbox'));

async function show(id) {
  chosen = id;
  for (const button of buttons()) {
    if (button.dataset.id === id) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
  }
  await attempt(async () => {
    const message = await request(`${PATH}/${encodeURIComponent(id)}`);
    if (chosen === id) put('message', messageView(message, PATH));
  });
}

function list(messages) {
  const ids = messages.map(({ id }) => id).join(' ');
  if (ids === shown) return;
  const grown = messages.length - buttons().length;
  const focused = focusIn('#inbox [data-id]')?.dataset.id;
  put('inbox', messages.reverse().map(entry));
  if (focused) buttons().find((button) => button.dataset.id === focused)?.focus();
  if (shown !== null && grown > 0) announce(count(grown, 'new message'));
  shown = ids;
  byId('inbox-count').textContent = messages.length || '';
  byId('inbox-empty').hidden = messages.length > 0;
  byId('inbox-clear').disabled = !messages.length;
  if (!messages.some(({ id }) => id === chosen)) {
    chosen = null;
    put('message');
  }
}

async function attempt(action) {
  try {
    await action();
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    alarm(error.message);
    return false;
  }
}

/** Look for mail now, and again while the inbox is in sight. */
export async function refresh() {
  clearTimeout(timer);
  const fine = await attempt(async () => list((await request(PATH)).messages));
  clearTimeout(timer);
  if (fine && openTab() === 'inbox' && !document.hidden) timer = setTimeout(refresh, PAUSE);
}

const inSight = () => openTab() === 'inbox' && refresh();

/** Start: there is a sandbox. */
export function startInbox() {
  onOpen(inSight);
  document.addEventListener('visibilitychange', () => !document.hidden && inSight());
  const dialog = byId('clear-dialog');
  byId('inbox-clear').addEventListener('click', () => dialog.showModal());
  byId('clear-no').addEventListener('click', () => dialog.close());
  byId('clear-yes').addEventListener('click', async () => {
    dialog.close();
    await attempt(() => request(PATH, { method: 'DELETE' }));
    await refresh();
    byId('tab-inbox').focus();
  });
  refresh();
}
