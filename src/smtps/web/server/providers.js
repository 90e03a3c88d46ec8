// Known providers: by name, or by the domain of an e-mail address.

import { byId, el, put } from '../shared/dom.js';
import { encryption } from '../shared/words.js';

/** @type {any[]} */
let known = [];
let shown = '';

/** The provider that a text names, by its name, its id or an address of one of its domains. */
export function providerOf(text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return undefined;
  const domain = wanted.includes('@') ? wanted.split('@').at(-1) : null;
  if (domain) return known.find(({ domains }) => domains?.includes(domain));
  return known.find(({ id, name }) => [id, name.toLowerCase()].includes(wanted));
}

const isLink = (source) => /^https:\/\//.test(source);

function note({ host, port, security, correction, remark, login, limits, alternatives, sources }) {
  const line = (title, text) => text && el('p', {}, title && el('strong', {}, `${title} `), text);
  const place = (other) => `${other.host === host ? '' : `${other.host}, `}port ${other.port}, ${encryption(other.security)}`;
  const others = (alternatives ?? []).map(place).join('; ');
  const links = (sources ?? []).filter(isLink).flatMap((href) => [
    el('a', { href, target: '_blank', rel: 'noopener noreferrer' }, new URL(href).hostname), ' ']);
  return [
    line('Server:', `${host}, port ${port}, ${encryption(security)}`), line('Also:', others),
    line('Corrected:', correction), line('', remark), line('Login:', login),
    line('Limits:', [limits].flat().join(', ')), links.length > 0 && el('p', {}, 'Source: ', links),
  ];
}

/** Show what is known of a provider; nothing of undefined. */
export function noteProvider(provider) {
  const now = provider?.id ?? '';
  if (now === shown) return;
  shown = now;
  put('provider-note', provider ? note(provider) : []);
}

/** Take the service's list. */
export function setProviders(list) {
  known = list;
  put('providers', list.map(({ name, host }) => el('option', { value: name }, host)));
  noteProvider(providerOf(byId('host').value));
}
