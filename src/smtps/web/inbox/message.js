// One message of the sandbox: text, HTML in a frame that may do nothing, and header.

import { el, list } from '../shared/dom.js';
import { rawLink } from '../shared/raw.js';
import { segments } from '../shared/segments.js';
import { authorization } from '../shared/token.js';
import { moment, octets } from '../shared/words.js';

const guarded = () => Boolean(authorization().Authorization);

function frame(message, path) {
  // A frame cannot carry the token; then the text of the message itself has to do.
  const source = guarded() ? { srcdoc: message.html } : { src: `${path}/html` };
  return el('iframe', { ...source, sandbox: '', title: 'The message as HTML', referrerpolicy: 'no-referrer' });
}

const text = (content, label) => el('pre', { class: 'text', tabindex: 0, role: 'group', 'aria-label': label }, content);

/** The ways to look at a message that there are: name → maker of an element. */
function views(message, path) {
  const header = message.headers.map(([name, value]) => `${name}: ${value}`).join('\n');
  return {
    ...(message.text != null && { Text: () => text(message.text, 'Text') }),
    ...(message.html != null && { HTML: () => frame(message, path) }),
    Header: () => text(header, 'Header'),
  };
}

export function messageView(message, base) {
  const path = `${base}/${encodeURIComponent(message.id)}`;
  const { from, to, subject, received, size, attachments } = message;
  const header = (wanted) => message.headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
  const body = el('div', { id: 'message-body' });
  const all = views(message, path);
  const choice = segments('Show', Object.keys(all), (name) => body.replaceChildren(all[name]()));
  return el('article', { class: 'message', 'aria-labelledby': 'message-title' },
    el('h2', { id: 'message-title' }, subject || '(no subject)'),
    list([
      ['From', header('from')],
      ['To', header('to')],
      ['Cc', header('cc')],
      ['Envelope', `${from || '<>'} to ${to.join(', ')}`],
      ['Received', `${moment(received)}, ${octets(size)}`],
      ['Attached', attachments.length > 0 && el('ul', { class: 'chips' },
        attachments.map((file) => el('li', {}, `${file.filename}, ${octets(file.size)}`)))],
    ]),
    el('div', { class: 'heading' }, choice,
      rawLink(`${path}/raw`, 'As received')),
    body);
}
