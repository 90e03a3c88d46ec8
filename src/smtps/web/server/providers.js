// Known providers: by name, or by the domain of an e-mail address.

import { fill } from './account.js';
import { byId, el, put } from '../shared/dom.js';
import { encryption } from '../shared/words.js';

let known = [];

function find(text) {
  const wanted = text.trim().toLowerCase();
  const domain = wanted.split('@')[1];
  if (domain) return known.find(({ domains }) => domains?.includes(domain));
  return known.find(({ id, name }) => [id, name.toLowerCase()].includes(wanted));
}

const isLink = (source) => /^https:\/\//.test(source);

function note({ host, correction, remark, login, limits, alternatives, sources }) {
  const line = (title, text) => text && el('p', {}, title && el('strong', {}, `${title} `), text);
  const others = (alternatives ?? []).map(({ host: other, port, security }) => line('Also:',
    el('button', { type: 'button', class: 'link', onclick: () => fill({ host: other, port, security }) },
      `${other === host ? '' : `${other}, `}port ${port}, ${encryption(security)}`)));
  const links = (sources ?? []).filter(isLink).map((href) => el('p', {},
    el('a', { href, target: '_blank', rel: 'noopener noreferrer' }, new URL(href).hostname)));
  return [line('Corrected:', correction), line('', remark), line('Login:', login), line('Limits:', [limits].flat().join(', ')), others, links].flat();
}

/** Show the provider that is named, and fill in its server when it was just chosen. */
function choose(text, chosen) {
  const provider = find(text);
  put('provider-note', provider ? note(provider) : []);
  if (!provider || !chosen) return;
  const { host, port, security } = provider;
  fill({ host, port, security, ...(text.includes('@') && { username: text.trim() }) });
}

/** Take the service's list. */
export function setProviders(list) {
  known = list;
  put('providers', list.map(({ name, host }) => el('option', { value: name }, host)));
  choose(byId('provider').value, false);
}

byId('provider').addEventListener('input', () => choose(byId('provider').value, true));
