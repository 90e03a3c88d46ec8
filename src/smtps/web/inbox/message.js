// One message of the sandbox: text, HTML in a frame that may do nothing, header, source, files.

import { request } from '../shared/api.js';
import { button, el, list, mark } from '../shared/dom.js';
import { saveAs, source } from '../shared/raw.js';
import { segments } from '../shared/segments.js';
import { authorization } from '../shared/token.js';
import { count, moment, octets } from '../shared/words.js';
import { heldBack } from './held.js';

const guarded = () => Boolean(authorization().Authorization);

function frame(message, path) {
  // A frame cannot carry the token; then the text of the message itself has to do.
  const from = guarded() ? { srcdoc: message.html } : { src: `${path}/html` };
  return el('iframe', { ...from, class: 'mail-frame', sandbox: '', title: 'The message as HTML', referrerpolicy: 'no-referrer' });
}

const text = (content, label) => el('pre', { class: 'text', tabindex: 0, role: 'group', 'aria-label': label, dir: 'auto' }, content);

/** What the HTML would have loaded or run. */
function heldBar(entries) {
  const sentence = heldBack(entries);
  if (!sentence) return el('p', { class: 'blocked' }, mark('shield'), 'Shown without scripts and without anything from elsewhere. There was none of it.');
  return el('details', { class: 'blocked' },
    el('summary', {}, mark('shield'), el('span', {}, sentence), el('span', { class: 'link' }, 'Which ones')),
    el('ul', {}, entries.map(({ kind, source: from }) => el('li', {}, kind, ' ', el('code', {}, from || 'in the message')))));
}

const files = (attachments) => el('ul', { class: 'block' }, attachments.map((file) => el('li', {},
  el('bdi', {}, file.filename), ' ', el('span', { class: 'soft small' }, `${file.content_type}, ${octets(file.size)}`))));

/** The ways to look at a message that there are: name → maker of nodes. */
function views(message, path) {
  const header = message.headers.map(([name, value]) => `${name}: ${value}`).join('\n');
  return {
    ...(message.html != null && { HTML: () => [heldBar(message.held_back), frame(message, path)] }),
    ...(message.text != null && { Text: () => [text(message.text, 'Text')] }),
    Headers: () => [text(header, 'Headers')],
    Source: () => [source(`${path}/raw`, message.size)],
    ...(message.attachments.length && { [count(message.attachments.length, 'file')]: () => [files(message.attachments)] }),
  };
}

/** The message as an element; `onDelete()` deletes it. */
export function messageView(message, base, onDelete) {
  const path = `${base}/${encodeURIComponent(message.id)}`;
  const { from, to, subject, received, size, persona } = message;
  const header = (wanted) => message.headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
  const named = (wanted) => header(wanted) && el('bdi', {}, header(wanted));
  const body = el('div', { id: 'message-body' });
  const all = views(message, path);
  const choice = segments('Show', Object.keys(all), (name) => body.replaceChildren(...all[name]()));
  return el('article', { 'aria-labelledby': 'message-title' },
    el('p', { class: 'crumb back' }, el('a', { class: 'button plain', href: '#/inbox' }, mark('left'), 'All messages')),
    el('div', { class: 'mail-head' },
      el('h2', { id: 'message-title', tabindex: -1, dir: 'auto' }, subject || '(no subject)'),
      list([
        ['From', named('from')], ['To', named('to')], ['Cc', named('cc')],
        ['Envelope', el('bdi', {}, `${from || '<>'} to ${to.join(', ')}`)],
        ['Received', [`${moment(received)}, ${octets(size)}`, persona && [', by ', el('span', { class: 'tag' }, persona)]]],
      ], { class: 'rows' })),
    el('div', { class: 'mail-bar' }, choice, el('div', { class: 'buttons' },
      button('Save .eml', () => saveAs(`${path}/raw`, subject || message.id), { class: 'button' }),
      button('Delete', onDelete, { class: 'button danger' }))),
    body);
}

export const fetchMessage = (base, id) => request(`${base}/${encodeURIComponent(id)}`);
