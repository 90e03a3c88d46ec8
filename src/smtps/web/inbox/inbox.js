// The sandbox's inbox: its mail, where to send it, and its servers. Looks for new mail every few
// seconds while it is in sight.

import { Problem, request } from '../shared/api.js';
import { format } from '../shared/address.js';
import { alarm, announce, byId, el, elements, focusIn, put } from '../shared/dom.js';
import { focusHeading, go, note, openView, setTitle } from '../shared/router.js';
import { sandbox } from '../shared/sandbox.js';
import { count, moment } from '../shared/words.js';
import { fetchMessage, messageView } from './message.js';
import { showPersonas } from './personas.js';
import { showSetup } from './setup.js';

const PATH = '/api/sandbox/messages';
const PAUSE = 3000;

/** @type {string | null} */
let shown = null; // the ids in the list
/** @type {string | null} */
let chosen = null;
/** @type {Record<string, string>} */
let filter = {};
let newest = 0; // the highest id that was seen
/** @type {number | undefined} */
let timer;

const inSight = () => openView() === 'inbox' && !document.hidden && !byId('inbox-mail').hidden;
const filtered = () => Boolean(filter.q || filter.persona);

function people(to) {
  return to.length > 1 ? `${to[0]}, ${to.length - 1} more` : to[0] ?? '';
}

function entry({ id, from, to, subject, received, persona }) {
  const who = `${from || '<>'} → ${people(to)}`;
  return el('li', {}, el('a', { href: format('inbox', [id], filter), 'data-id': id, 'aria-current': id === chosen && 'true' },
    el('bdi', { class: 'subject cut', title: subject }, subject || '(no subject)'),
    el('span', { class: 'when' }, moment(received)),
    el('bdi', { class: 'who cut', title: `${from || '<>'} → ${to.join(', ')}` }, who),
    el('span', { class: 'tag' }, persona)));
}

const links = () => elements('a', byId('inbox'));

function markChosen() {
  for (const link of links()) {
    if (link.dataset.id === chosen) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
  byId('inbox-mail').dataset.at = chosen === null ? 'list' : 'detail';
  byId('inbox-unopened').hidden = chosen !== null;
}

function list(messages) {
  const ids = messages.map(({ id }) => id).join(' ');
  const top = Math.max(0, ...messages.map(({ id }) => Number(id)));
  if (shown !== null && top > newest) announce(count(messages.filter(({ id }) => Number(id) > newest).length, 'new message'));
  newest = Math.max(newest, top);
  if (ids === shown) return;
  const focused = focusIn('#inbox [data-id]')?.dataset.id;
  put('inbox', messages.map(entry));
  if (focused) links().find((link) => link.dataset.id === focused)?.focus();
  shown = ids;
  byId('inbox-range').textContent = count(messages.length, 'message');
  byId('inbox-empty').hidden = messages.length > 0;
  byId('inbox-empty').textContent = filtered() ? 'No matching messages.' : 'No messages yet.';
  byId('inbox-clear').disabled = !messages.length;
  if (!filtered()) byId('inbox-count').textContent = messages.length || '';
  showEmpty(!messages.length && !filtered() && chosen === null);
}

/** While there is no mail, the view says where to send some. */
function showEmpty(empty) {
  byId('inbox-mail').hidden = empty;
  byId('inbox-setup').hidden = !empty;
  if (empty) showSetup('inbox-setup', true);
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

const question = () => new URLSearchParams(Object.entries(filter).filter(([, value]) => value)).toString();

/** Look for mail now, and again while the inbox is in sight. */
async function refresh() {
  clearTimeout(timer);
  const asked = question();
  const fine = await attempt(async () => {
    const { messages } = await request(`${PATH}?${asked}`);
    if (asked === question()) list(messages);
  });
  clearTimeout(timer);
  if (fine && openView() === 'inbox' && !document.hidden && part === 'mail') timer = setTimeout(refresh, PAUSE);
}

async function showMessage(id) {
  await attempt(async () => {
    const message = await fetchMessage(PATH, id);
    if (chosen !== id) return;
    put('message', messageView(message, PATH, () => remove(id)));
    setTitle(message.subject || '(no subject)');
    elements('#message h2')[0]?.focus({ preventScroll: true });
  });
}

async function remove(id) {
  await attempt(() => request(`${PATH}/${encodeURIComponent(id)}`, { method: 'DELETE' }));
  announce('Deleted');
  await go('inbox', [], filter);
  focusHeading();
}

let part = 'mail';

function showPart(name) {
  part = name;
  for (const link of elements('#inbox-head [data-part]')) {
    if (link.dataset.part === name) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
  byId('inbox-mail').hidden = name !== 'mail';
  byId('inbox-setup').hidden = name !== 'setup';
  byId('inbox-servers').hidden = name !== 'servers';
}

function fillTools({ q = '', persona = '' }) {
  if (byId('inbox-search') !== document.activeElement) byId('inbox-search').value = q;
  byId('inbox-persona').value = persona;
}

/** Open the view: the list, a message (by its number), `setup` or `servers`. */
export async function open({ path: [name], query }) {
  clearTimeout(timer);
  if (!sandbox()) {
    byId('inbox-head').hidden = false;
    showPart('');
    alarm('This service has no sandbox: start it with --sandbox.');
    return;
  }
  showPart(['setup', 'servers'].includes(name) ? name : 'mail');
  if (part === 'setup') showSetup('inbox-setup');
  if (part === 'servers') showPersonas(byId('persona-search').value);
  if (part !== 'mail') return;
  const { q = '', persona = '' } = query;
  if (q !== (filter.q ?? '') || persona !== (filter.persona ?? '')) shown = null;
  filter = { q, persona };
  fillTools(filter);
  chosen = name ?? null;
  markChosen();
  if (chosen === null) put('message');
  else showMessage(chosen);
  shown = chosen === null ? null : shown; // the empty inbox is another view
  await refresh();
  markChosen();
}

export function close() {
  clearTimeout(timer);
}

function search() {
  filter = { q: byId('inbox-search').value.trim(), persona: byId('inbox-persona').value };
  note('inbox', chosen === null ? [] : [chosen], filter);
  shown = null;
  refresh();
}

const dialog = byId('clear-dialog');
byId('inbox-clear').addEventListener('click', () => dialog.showModal());
byId('clear-no').addEventListener('click', () => dialog.close());
byId('clear-yes').addEventListener('click', async () => {
  dialog.close();
  await attempt(() => request(PATH, { method: 'DELETE' }));
  await go('inbox');
  shown = null;
  await refresh();
  focusHeading();
});
byId('inbox-tools').addEventListener('submit', (event) => event.preventDefault());
byId('inbox-search').addEventListener('input', search);
byId('inbox-persona').addEventListener('change', search);
byId('persona-search').addEventListener('input', () => showPersonas(byId('persona-search').value));
document.addEventListener('visibilitychange', () => inSight() && refresh());
put('inbox-persona', el('option', { value: '' }, 'All servers'),
  (sandbox()?.personas ?? []).map(({ name }) => el('option', { value: name }, name)));
