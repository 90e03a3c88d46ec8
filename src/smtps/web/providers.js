// Known providers: by name, or by the domain of an e-mail address.

import { fill } from './account.js';
import { byId, el } from './dom.js';
import { encryption } from './words.js';

let known = [];

function find(text) {
  const wanted = text.trim().toLowerCase();
  const domain = wanted.split('@')[1];
  if (domain) return known.find(({ domains }) => domains?.includes(domain));
  return known.find(({ id, name }) => [id, name.toLowerCase()].includes(wanted));
}

const isLink = (source) => /^https:\/\//.test(source);

function sources(list) {
  const links = (list ?? []).filter(isLink).map((href) =>
    el('a', { href, target: '_blank', rel: 'noopener noreferrer' }, new URL(href).hostname));
  return links.length ? el('p', {}, 'Source: ', ...links.flatMap((link, at) => (at ? [', ', link] : [link]))) : null;
}

function note(provider) {
  const { correction, remark, login, limits, alternatives = [] } = provider;
  const others = alternatives.map((way) => el('button', {
    type: 'button', class: 'link',
    onclick: () => fill({ host: way.host, port: way.port, security: way.security }),
  }, `${way.host === provider.host ? '' : `${way.host}, `}port ${way.port}, ${encryption(way.security)}`));
  return [
    correction ? el('p', {}, el('strong', {}, 'Corrected: '), correction) : null,
    remark ? el('p', {}, remark) : null,
    login ? el('p', {}, el('strong', {}, 'Login: '), login) : null,
    limits ? el('p', {}, el('strong', {}, 'Limits: '), limits) : null,
    ...others.map((button) => el('p', {}, 'Also: ', button)),
    sources(provider.sources),
  ].filter(Boolean);
}

/** Show the provider that is named, and fill in its server when it was just chosen. */
function choose(text, chosen) {
  const provider = find(text);
  const box = byId('provider-note');
  const lines = provider ? note(provider) : [];
  box.replaceChildren(...lines);
  box.hidden = !lines.length;
  if (!provider || !chosen) return;
  const { host, port, security } = provider;
  fill({ host, port, security, ...(text.includes('@') && { username: text.trim() }) });
}

/** Take the service's list. */
export function setProviders(list) {
  known = list;
  byId('providers').replaceChildren(...list.map(({ name, host }) => el('option', { value: name }, host)));
  choose(byId('provider').value, false);
}

byId('provider').addEventListener('input', ({ currentTarget }) => choose(currentTarget.value, true));
