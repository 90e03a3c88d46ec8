// Where to send mail so that it appears in the inbox: settings, and how programs take them.

import { copyButton, el, put } from '../shared/dom.js';
import { sandbox } from '../shared/sandbox.js';
import { segments } from '../shared/segments.js';
import { encryption } from '../shared/words.js';
import { setups } from './setups.js';

function setting(name, value) {
  const text = el('code', {}, String(value));
  return [el('dt', {}, name), el('dd', {}, text, copyButton(text, name.toLowerCase()))];
}

/** Put it into the element of an id; `waiting` says that mail is being waited for. */
export function showSetup(id, waiting = false) {
  const { username, password, ca_file: ca, personas } = sandbox();
  const { host, port, security } = personas.find(({ name }) => name === 'healthy') ?? personas[0];
  const texts = setups({ host, port, security, username, password, ca_file: ca });
  const text = el('pre', { class: 'text', tabindex: 0, role: 'group', 'aria-label': 'Settings for a program' });
  const choice = segments('Program', Object.keys(texts), (name) => { text.textContent = texts[name]; });
  put(id,
    waiting && el('p', { class: 'waiting' }, el('span', { class: 'dot' }), 'No messages yet. Whatever is sent to a server of the sandbox appears here automatically.'),
    el('div', { class: 'settings-grid' },
      el('section', { class: 'card block' }, el('h2', {}, 'Where to send'),
        el('dl', { class: 'settings' },
          setting('Host', host), setting('Port', port), setting('Encryption', encryption(security)),
          setting('User name', username), setting('Password', password), setting('CA file', ca)),
        el('p', { class: 'hint' }, 'Nothing leaves this machine, whoever a message is for. Programs must trust the CA file: only this service does so by itself.')),
      el('section', { class: 'card block' },
        el('div', { class: 'head' }, el('h2', {}, 'Settings for a program'), copyButton(text, 'the settings')), choice, text)));
}
